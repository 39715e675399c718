"""A schedule of faults made from one seed, and the stage on which it is played: a gateway as a process, and its network.

The same seed gives the same faults in the same order with the same pauses; what the gateway is doing just then differs from run
to run, as it does for everybody.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.e2e.evidence import clear_rules, set_rule
from tests.e2e.network import Network
from tests.e2e.processes import Site

LOST_TRACK = ["T3", "T4", "E1", "E2", "E3", "P2", "P3", "P5", "C1"]
"""Scenarios of the provider that leave a batch in doubt."""
REFUSALS = ["A1", "L1"]


@dataclass(frozen=True)
class Fault:
    """What happens, how long after the one before, and for how long."""

    after_s: float
    kind: str
    lasts_s: float = 0.0
    detail: str = ""

    def __str__(self) -> str:
        return f"+{self.after_s:.2f} s {self.kind} {self.detail} {self.lasts_s:.2f} s"


def make_schedule(seed: int, faults: int) -> list[Fault]:
    """Any fault at any time, several at once where they last."""
    dice = random.Random(seed)  # noqa: S311 - a seed to repeat it
    schedule = []
    for _ in range(faults):
        kind = dice.choice(list(KINDS))
        detail = dice.choice(DETAILS.get(kind, [""]))
        schedule.append(Fault(dice.uniform(0.02, 0.5), kind, dice.uniform(0.1, 1.2), detail))
    return schedule


class Stage:
    """Where a schedule is played."""

    def __init__(self, at: Site, network: Network) -> None:
        self.at = at
        self.network = network
        self._hands = asyncio.Lock()
        """One at a time starts and ends the process."""

    async def strike(self, fault: Fault) -> None:
        """Let a fault begin, last, and end."""
        await KINDS[fault.kind](self, fault)

    async def calm(self) -> None:
        """No fault is left, and nothing has to wait for its time; what that takes is what an operator may do."""
        self.network.heal()
        await clear_rules(self.at.simulator.url)
        await self.at.database.lapse()
        await self.at.database.hurry()

    async def _kill(self, _: Fault) -> None:
        async with self._hands:
            self.at.process.kill()
            await self._start_again()

    async def _terminate(self, _: Fault) -> None:
        async with self._hands:
            # Not in time, while the network is down: that is said, and mended at the start.
            assert await self.at.process.terminate() in (0, 1)
            await self._start_again()

    async def _sleep(self, fault: Fault) -> None:
        async with self._hands:
            self.at.process.stop()
            await asyncio.sleep(fault.lasts_s)
            await self.at.database.lapse()
            self.at.process.go_on()

    async def _start_again(self) -> None:
        """As a supervisor does: until it stays, however often the network makes its start fail."""
        await self.at.database.lapse()
        self.at.process.launch()
        while not await self.at.process.has_begun():
            if self.at.process.code is not None:
                assert self.at.process.code == 1, self.at.process.errors()
                self.at.process.launch()
            await asyncio.sleep(0.05)

    async def _reset(self, fault: Fault) -> None:
        self._proxy(fault).reset()

    async def _silence(self, fault: Fault) -> None:
        self._proxy(fault).silence()
        await asyncio.sleep(fault.lasts_s)
        self._proxy(fault).heal()

    async def _slow(self, fault: Fault) -> None:
        self._proxy(fault).slow(delay_s=0.02, bytes_per_s=200_000)
        await asyncio.sleep(fault.lasts_s)
        self._proxy(fault).slow()

    async def _cut(self, fault: Fault) -> None:
        way = "to_server" if fault.lasts_s < 0.6 else "to_client"
        self._proxy(fault).cut(way, after=int(fault.lasts_s * 2000))

    async def _cut_commit(self, fault: Fault) -> None:
        self.network.database.cut("to_server", at=b"COMMIT;", is_passed=fault.detail == "after", times=2)

    async def _end_sessions(self, _: Fault) -> None:
        await self.at.database.end_sessions()

    async def _misbehave(self, fault: Fault) -> None:
        await set_rule(self.at.simulator.url, fault.detail, next=1)

    def _proxy(self, fault: Fault) -> Any:
        return getattr(self.network, fault.detail)


KINDS: dict[str, Callable[[Stage, Fault], Any]] = {
    "kill": Stage._kill, "terminate": Stage._terminate, "sleep": Stage._sleep, "reset": Stage._reset,
    "silence": Stage._silence, "slow": Stage._slow, "cut": Stage._cut, "cut at COMMIT": Stage._cut_commit,
    "end sessions": Stage._end_sessions, "lost answer": Stage._misbehave, "refusal": Stage._misbehave,
}  # fmt: skip
_ANYWHERE = ["provider", "database", "limiter"]
DETAILS = {
    "reset": _ANYWHERE, "silence": _ANYWHERE, "slow": _ANYWHERE, "cut": _ANYWHERE, "cut at COMMIT": ["before", "after"],
    "lost answer": LOST_TRACK, "refusal": REFUSALS,
}  # fmt: skip
