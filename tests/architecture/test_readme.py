import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import typer
import typer.main

from penstock import config
from penstock.api import ops, webhooks
from penstock.api.admin.routes import ADMIN_ROUTES
from penstock.api.app import TENANT_ROUTES
from penstock.cli.main import app
from penstock.health import Health
from penstock.redact import Secret
from penstock.telemetry.metrics import KEPT_NAMES, LeaderGauges, Metrics

ROOT = Path(__file__).parents[2]
DOCUMENTS = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
README = (ROOT / "README.md").read_text()
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TOP = {"python", "rust", "tests", "bench", "deploy"}
ENVIRONMENT_OF_THE_CLI = {"PENSTOCK_URL", "PENSTOCK_API_KEY"}


def shell_blocks() -> list[str]:
    """Every block of every document that is marked as shell."""
    texts = [(ROOT / name).read_text() for name in DOCUMENTS]
    return [code for text in texts for kind, code in BLOCK.findall(text) if kind in ("bash", "sh", "shell")]


def inline_code(text: str) -> list[str]:
    """What stands between single backticks, outside blocks."""
    return re.findall(r"`([^`\n]+)`", BLOCK.sub("", text))


def mentioned_commands() -> Iterator[list[str]]:
    """The words of every call of `penstock`, in blocks and in running text."""
    lines = [line for block in shell_blocks() for line in block.splitlines()]
    for code in [*lines, *inline_code(README)]:
        for call in re.findall(r"(?:^|[$(;] ?)(penstock [^)|;]*)", code):
            yield shlex.split(call, comments=True)[1:]


def group_of(words: list[str]) -> tuple[str, set[str]]:
    """The full name of the command that `words` begin with, and its options."""
    command = typer.main.get_command(app)
    name = []
    for word in words:
        inner = getattr(command, "commands", {})
        if word not in inner:
            break
        command = inner[word]
        name.append(word)
    return " ".join(name), {option for one in command.params for option in one.opts} | {"--help"}


def test_readme_has_shell_blocks() -> None:
    """The patterns of this file still find what they look for."""
    assert len(shell_blocks()) > 10
    assert len(list(mentioned_commands())) > 10


@pytest.mark.parametrize("block", shell_blocks(), ids=lambda block: block.partition("\n")[0])
def test_shell_block_parses(block: str) -> None:
    """Bash understands it."""
    checked = subprocess.run(["bash", "-n"], input=block, text=True, capture_output=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")


def test_make_targets_exist() -> None:
    """Every `make X` is a target."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    code = [line for block in shell_blocks() for line in block.splitlines()]
    code += [text for name in DOCUMENTS for text in inline_code((ROOT / name).read_text())]
    named = {target for text in code for target in re.findall(r"(?:^|\s)make ([a-z-]+)", text)}
    assert {"demo", "test", "build"} <= named <= targets


@pytest.mark.parametrize("words", list(mentioned_commands()), ids=" ".join)
def test_command_exists(words: list[str]) -> None:
    """Every call of `penstock` names a command and options that it has."""
    command, options = group_of(words)
    given = {word for word in words if word.startswith("-")}
    assert command
    assert given <= options


def test_every_verb_is_mentioned() -> None:
    """No command is left out of the README."""
    verbs = set(getattr(typer.main.get_command(app), "commands", {}))
    assert verbs <= {words[0] for words in mentioned_commands()}


def known_routes() -> set[str]:
    """Every path of the gateway, with `{}` for what varies."""

    async def accept(_: bytes, __: str) -> int:
        return 0

    metrics = Metrics("")
    extra = [*ops.routes(Health(), metrics), *webhooks.routes(accept, Secret("x"), metrics)]
    paths = [route.path for route in (*TENANT_ROUTES, *ADMIN_ROUTES, *extra)]
    return {re.sub(r"\{[^}]*\}", "{}", path) for path in paths}


def test_routes_exist() -> None:
    """Every path of the gateway that the README names is one of its routes."""
    start = r"/(?:v1|webhooks|livez|startupz|health|readiness|metrics|admin|_sim)"
    # In the blocks of answers there are paths too, such as `next`; they are the gateway's own words.
    named = re.findall(rf"(?<![\w.:/])(?:\$API)?({start}[\w/${{}}-]*)", README)
    paths = {re.sub(r"\$[A-Z]+|\{\w+\}", "{}", path) for path in named}
    assert len(paths) > 8
    known = re.compile("|".join(route.replace("{}", "[^/]+") for route in known_routes()))
    assert [path for path in paths if not known.fullmatch(path)] == []


def test_settings_exist() -> None:
    """Every name that looks like a setting is one."""
    names = {
        config.environment_name(section.name, field.name)
        for section in msgspec.structs.fields(config.Settings)
        for field in msgspec.structs.fields(section.type)
    }
    pattern = r"\b((?:PENSTOCK|MITTO|SMS|RATE_LIMIT|DATABASE|REDIS|SAFE)_[A-Z][A-Z_]*[A-Z])\b"
    named = {name for document in DOCUMENTS for name in re.findall(pattern, (ROOT / document).read_text())}
    assert len(named) > 10
    assert {name.removesuffix("_FILE") for name in named} - ENVIRONMENT_OF_THE_CLI <= names


def test_metrics_exist() -> None:
    """Every metric that the README names is declared."""
    names = {family.name for family in Metrics("").registry.collect()} | set(LeaderGauges._HELP) | KEPT_NAMES
    named = {code for code in inline_code(README) if re.fullmatch(r"(penstock|queue|campaigns)_[a-z_]+", code)}
    assert len(named) > 3
    assert {name.removesuffix("_total") for name in named} <= {name.removesuffix("_total") for name in names}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_paths_exist(document: str) -> None:
    """Every folder and file that is named is there."""
    text = (ROOT / document).read_text()
    linked = [link for link in re.findall(r"\]\(([^)]+)\)", text) if "://" not in link]
    named = [code for code in inline_code(text) if code.partition("/")[0] in TOP and " " not in code]
    assert [path for path in [*linked, *named] if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_nothing_private(document: str) -> None:
    """No whole key and no number that somebody may have."""
    text = (ROOT / document).read_text()
    assert not re.search(r"\bpk_[A-Za-z0-9_-]{8}", text)
    numbers = re.findall(r"\+\d{9,15}", text)
    assert [number for number in numbers if "0000000" not in number and not re.search(r"\+1\d{3}55501\d\d", number)] == []
