"""The README does not rot: its commands run, and print what it says they print."""

from pathlib import Path

import pytest

from tests.e2e.processes import site
from tests.e2e.readme import FINALS, README, in_general, matches, scenes, terminal


@pytest.mark.slow
async def test_every_printed_answer_comes(dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """From no tenant at all to a delivered campaign and every call of the API, ids and times aside."""
    told = list(scenes(README.read_text()))
    assert len(told) > 20
    async with (
        site(dsn, valkey_url, tmp_path, simulated={"finals": FINALS}) as where,
        terminal(where, tmp_path) as shell,
    ):
        for scene in told:
            said = await shell.play(scene)
            assert matches(scene, said), f"{scene.commands}\nprinted {in_general(scene.answer or '')}\nsaid {in_general(said)}"
