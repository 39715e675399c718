"""The README's commands, taken out of it and run as a reader would: in one shell, one block after another."""

import asyncio
import re
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from msgspec import Struct

from tests.e2e.evidence import DEADLINE_S
from tests.e2e.processes import Site, plain_environment

README: Final = Path(__file__).parents[2] / "README.md"
CHAPTERS: Final = ("## Your first campaign by hand", "## What it promises")
"""What is run: from the first of these headings to the second."""
FINALS: Final = {"Delivered": 0.96, "Failure": 0.03, "Expired": 0.01}
"""Those of `penstock simulate`: with its seed the same becomes of the same messages."""

_BLOCK: Final = re.compile(r"^```(bash)?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_CHANGING: Final = re.compile(r"\s(-d|-X|--data-binary)\s|penstock ")
_VARYING: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"  # ids of campaigns, requests and events
    r"|[0-9a-f]{32}-\d+"  # of messages
    r"|\b01[0-9A-Z]{24}\b"  # the provider's
    r"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"  # times
)


class Scene(Struct, frozen=True):
    """A block of commands, and the answer printed under it."""

    commands: str
    answer: str | None

    @property
    def is_looking(self) -> bool:
        """Whether it can be repeated until the gateway has got there."""
        return all("/search " in line or _CHANGING.search(line) is None for line in self.commands.splitlines())


def scenes(text: str) -> Iterator[Scene]:
    """Those of the chapters, in order, but for the ones that start and build things."""
    chapter = text[text.index(CHAPTERS[0]) : text.index(CHAPTERS[1])]
    blocks = _BLOCK.findall(chapter)
    for (kind, body), (next_kind, next_body) in zip(blocks, [*blocks[1:], ("bash", "")], strict=True):
        if kind and "penstock serve" not in body:
            yield Scene(body, None if next_kind else next_body)


def in_general(text: str) -> str:
    """Without what is another at each run."""
    return _VARYING.sub("…", text)


def learn(printed: str, said: str) -> Mapping[str, str]:
    """Ids of the README and the real ones in their place."""
    return dict(zip(_VARYING.findall(printed), _VARYING.findall(said), strict=False))


class Terminal:
    """One shell that keeps its variables from block to block."""

    def __init__(self, process: asyncio.subprocess.Process, url: str) -> None:
        self._process = process
        self._url = url
        self.names: dict[str, str] = {}
        """Ids as the README has them → as they are here."""

    async def run(self, commands: str) -> str:
        """What the commands print, errors too."""
        for old, new in self.names.items():
            commands = commands.replace(old, new)
        commands = commands.replace("http://127.0.0.1:8080", self._url).replace(". .venv/bin/activate\n", "")
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{commands}\necho; echo '-- end'\n".encode())
        said = await self._process.stdout.readuntil(b"\n-- end\n")
        return said.decode().removesuffix("\n-- end\n").replace("\r\n", "\n")

    async def play(self, scene: Scene) -> str:
        """Run a scene, one that only looks until it sees what is printed; what it said at last."""
        end = time.monotonic() + DEADLINE_S
        said = await self.run(scene.commands)
        while not matches(scene, said) and scene.is_looking and time.monotonic() < end:
            said = await self.run(scene.commands)
        self.names |= learn(scene.answer or "", said)
        return said


def matches(scene: Scene, said: str) -> bool:
    """Whether what is printed came, line for line; more may follow."""
    return scene.answer is None or in_general(scene.answer).strip() in in_general(said)


@asynccontextmanager
async def terminal(where: Site, folder: Path) -> AsyncIterator[Terminal]:
    """A shell beside a gateway, in a folder of its own."""
    environment = plain_environment() | where.process.environment
    environment |= {"PENSTOCK_URL": where.process.url, "PATH": f"{Path(sys.executable).parent}:{environment['PATH']}"}
    process = await asyncio.create_subprocess_exec(
        "bash", "--noprofile", "--norc", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT, env=environment, cwd=folder,
    )  # fmt: skip
    try:
        yield Terminal(process, where.process.url)
    finally:
        process.kill()
        await process.wait()
