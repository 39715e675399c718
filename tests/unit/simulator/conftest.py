"""A simulator on a free port, a receiver of its reports, and a client that speaks to both."""

import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from penstock.simulator import Simulator, SimulatorSettings
from tests.unit.simulator.driver import Driver, Receiver

Start = Callable[..., Any]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    """Collect delivery reports over a real socket."""
    async with Receiver() as running:
        yield running


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """Start simulators with given settings; reports come at once unless told otherwise."""
    running: list[tuple[Simulator, aiohttp.ClientSession]] = []

    async def begin(**settings: Any) -> Driver:
        usual = {"port": 0, "report_delay_ms": 0, "report_jitter_ms": 0, "journal": tmp_path / "journal.ndjson"}
        simulator = Simulator(msgspec.convert(usual | settings, SimulatorSettings, dec_hook=lambda _, value: value))
        await simulator.start()
        session = aiohttp.ClientSession(simulator.url, timeout=aiohttp.ClientTimeout(total=5))
        running.append((simulator, session))
        return Driver(simulator, session)

    yield begin
    for simulator, session in running:
        await session.close()
        await simulator.stop()


@pytest.fixture
def vector() -> Callable[[str], Any]:
    """Read a shared wire sample."""
    folder = Path(__file__).parents[2] / "vectors"
    return lambda name: json.loads((folder / f"mitto_{name}.json").read_text())
