"""What the probes ask: is this process started, and can it do its work now."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

CHECK_TIMEOUT_S = 2.0

Check = Callable[[], Awaitable[None]]
"""Returns when the dependency answers, raises when it does not."""
Fact = Callable[[], str]
"""What an operator may want to know, as it is now; nothing secret."""
Detail = Callable[[], Awaitable[object]]
"""The same, where somebody has to be asked: what JSON can say."""


@dataclass(slots=True)
class Health:
    """The process's own view of itself; probes only read it."""

    checks: Mapping[str, Check] = field(default_factory=dict)
    facts: dict[str, Fact] = field(default_factory=dict)
    details: Mapping[str, Detail] = field(default_factory=dict)
    started: bool = False
    draining: bool = False

    async def ready(self) -> tuple[bool, dict[str, str]]:
        """Whether traffic may come, and each check's result as `ok` or the kind of error (never its text)."""
        names = list(self.checks)
        results = dict(zip(names, await asyncio.gather(*(_outcome(self.checks[name]) for name in names)), strict=True))
        results["drain"] = "draining" if self.draining else "ok"
        results["start"] = "ok" if self.started else "starting"
        return all(result == "ok" for result in results.values()), results

    async def explain(self) -> dict[str, object]:
        """What each detail says; None where it cannot be said now: then a check says why."""
        return {name: await _said(detail) for name, detail in self.details.items()}


async def _said(detail: Detail) -> object:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            return await detail()
    except Exception:  # noqa: BLE001 - a probe answers; what fails here fails in a check too, which tells its kind
        return None


async def _outcome(check: Check) -> str:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            await check()
    except Exception as error:  # noqa: BLE001 - a probe reports every failure by its kind
        return type(error).__name__
    return "ok"
