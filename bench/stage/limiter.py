"""What a permit costs: calls and segments a second through Redis, beside bare INCR and beside two libraries.

    python bench/stage/limiter.py [--seconds 0.5] [--rounds 7] [--check]

All ways take turns, in rounds, with eight callers in this one process against one embedded Valkey; a ratio is taken within each
round, and the median over the rounds counts. `limits` (moving window) and `throttled-py` (sliding window) come with the extra
`bench`; without them their lines are left out. With `--check` a missed target ends in a code that is not 0.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from statistics import median

import msgspec
import uvloop
from redis.asyncio import Redis

sys.path.insert(0, str(Path(__file__).parents[2]))

from bench import sheet
from bench.machine import IS_TINY
from bench.sheet import Goal, Line
from penstock import config
from penstock.clock import SystemClock
from penstock.config import RateLimit
from penstock.domain.ids import AccountId, TenantId
from penstock.limits.demand import Demand
from penstock.limits.redis import RedisWindows
from penstock.limits.scopes import Quotas, Traffic
from penstock.redact import Secret
from tests.servers import private_valkey

CALLERS = 8
SEGMENTS = 5000
BATCHES_PER_S = 20
"""A fast sender: 100,000 messages a second in batches of 5,000."""
PLENTY = 10**9
LOGGED = 100_000
"""Of `limits`, whose moving window keeps an entry for each permit: never reached, and no larger than it must be."""

Call = Callable[[], Awaitable[object]]


class Target(msgspec.Struct, frozen=True):
    """How one way must stand beside another; `units` of the first are granted by one call of it."""

    way: str
    rival: str
    at_least: float
    units: int = 1


TARGETS = (
    Target("1 scope", "INCR", 0.6),
    Target("3 scopes", "INCR", 0.6),
    Target("1 scope", "limits", 0.8),
    Target("1 scope", "throttled-py", 0.8),
    Target("1 scope, 100 units", "limits", 50, 100),
    Target("1 scope, 100 units", "throttled-py", 50, 100),
)
LEAST_SEGMENTS_PER_S = 1_000_000
MOST_OF_A_BATCH = 0.01


async def main() -> int:
    """Measure, print, and say whether the targets were met."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--seconds", type=float, default=0.02 if IS_TINY else 0.5, help="of one way in one round")
    options.add_argument("--rounds", type=int, default=1 if IS_TINY else 7)
    options.add_argument("--check", action="store_true")
    given = options.parse_args()
    with private_valkey() as url:
        async with Redis.from_url(url, protocol=2) as client:
            windows, ways = await open_ways(url, client)
            rounds = [{name: await rate(call, given.seconds) for name, call in ways.items()} for _ in range(given.rounds)]
            one_call_s = 1 / await rate(ways["4 scopes, 5000 segments"], given.seconds, callers=1)
            await windows.aclose()
    for name in ways:
        print(f"{name:<26} {median(one[name] for one in rounds):>12,.0f} calls/s")
    sheet.write("stage/limiter", [*lines_of(rounds), waiting(one_call_s)])
    is_met = all([*compared(rounds), *told(rounds, one_call_s)])
    return 0 if is_met or not given.check else 1


def lines_of(rounds: list[dict[str, float]]) -> list[Line]:
    """For the page: each way in units a second beside its rival."""
    return [
        Line(
            what=f"permits, {target.way}", unit="units/s", ours=[target.units * one[target.way] for one in rounds],
            neighbour=target.rival, theirs=[one[target.rival] for one in rounds],
            goals=[Goal(at_least=target.at_least, gate=target.at_least / 10)],
        )
        for target in TARGETS
        if target.rival in rounds[0]
    ]  # fmt: skip


def waiting(one_call_s: float) -> Line:
    """For the page: what a sender waits for the permit of a batch."""
    goal = Goal(of="value", at_most=1000 * MOST_OF_A_BATCH / BATCHES_PER_S)
    return Line(what="permit for a batch of 5,000, one caller", unit="ms", ours=[one_call_s * 1000], goals=[goal])


def compared(rounds: list[dict[str, float]]) -> list[bool]:
    """Print how the ways stand to one another."""
    met = []
    for target in TARGETS:
        if target.rival in rounds[0]:
            ratio = target.units * median(one[target.way] / one[target.rival] for one in rounds)
            per = "unit" if target.units > 1 else "call"
            what = f"{target.way} / {target.rival}, per {per}"
            met.append(say(what, f"{ratio:.2f} x", f">= {target.at_least}", is_met=ratio >= target.at_least))
    return met


def told(rounds: list[dict[str, float]], one_call_s: float) -> list[bool]:
    """Print what is not a ratio of two ways."""
    segments = SEGMENTS * median(one["4 scopes, 5000 segments"] for one in rounds)
    part = one_call_s * BATCHES_PER_S
    return [
        say("segments granted", f"{segments:,.0f}/s", f">= {LEAST_SEGMENTS_PER_S:,}", is_met=segments >= LEAST_SEGMENTS_PER_S),
        say("one call, of a batch", f"{part:.2%}", f"< {MOST_OF_A_BATCH:.0%}", is_met=part < MOST_OF_A_BATCH),
    ]


def say(what: str, value: str, target: str, *, is_met: bool) -> bool:
    """Print one line."""
    print(f"{what:<44} {value:>14}  {target:<12} {'ok' if is_met else 'MISSED'}")
    return is_met


async def rate(call: Call, seconds: float, callers: int = CALLERS) -> float:
    """Calls a second."""
    calls, end = 0, time.perf_counter() + seconds
    began = time.perf_counter()

    async def keep_calling() -> None:
        nonlocal calls
        while time.perf_counter() < end:
            await call()
            calls += 1

    await asyncio.gather(*(keep_calling() for _ in range(callers)))
    return calls / (time.perf_counter() - began)


async def open_ways(url: str, client: Redis) -> tuple[RedisWindows, dict[str, Call]]:
    """Everything that is measured, past its first, empty window."""
    rates = RateLimit(traffic_account_max=PLENTY, tenant_max=PLENTY, global_max=PLENTY)
    quotas = Quotas.of(rates, PLENTY, 0.025)
    windows = RedisWindows(config.Redis(url=Secret(url)), quotas.epoch, clock=SystemClock())
    await windows.acquire(())
    await asyncio.sleep(quotas.span_us / 1e6)
    demands = quotas.demands(Traffic(AccountId("account"), TenantId(1)), 1, SEGMENTS)
    units = [Demand("segments", demands[3].key, demands[3].quota, 1, 100)]
    ways: dict[str, Call] = {
        "INCR": lambda: client.incr("penstock:{provider}:counter"),
        "1 scope": lambda: windows.acquire(demands[:1]),
        "3 scopes": lambda: windows.acquire(demands[:3]),
        "1 scope, 100 units": lambda: windows.acquire(units),
        "4 scopes, 5000 segments": lambda: windows.acquire(demands),
    }
    for name, make in (("limits", open_limits), ("throttled-py", open_throttled)):
        try:
            ways[name] = make(url)
        except ImportError:
            print(f"{name} is not installed: pip install penstock[bench]")
    return windows, ways


def open_limits(url: str) -> Call:
    """The moving window of `limits`, over the same driver."""
    from limits import RateLimitItemPerSecond  # noqa: PLC0415 - an extra
    from limits.aio.storage import RedisStorage  # noqa: PLC0415
    from limits.aio.strategies import MovingWindowRateLimiter  # noqa: PLC0415

    address = url.replace("unix://", "async+redis+unix://")
    limiter, item = MovingWindowRateLimiter(RedisStorage(address, implementation="redispy")), RateLimitItemPerSecond(LOGGED)
    return lambda: limiter.hit(item, "account")


def open_throttled(url: str) -> Call:
    """The sliding window of `throttled-py`."""
    from throttled.asyncio import RateLimiterType, Throttled, per_sec, store  # noqa: PLC0415 - an extra

    throttled = Throttled(
        key="account", using=RateLimiterType.SLIDING_WINDOW.value, quota=per_sec(PLENTY), store=store.RedisStore(server=url)
    )
    return throttled.limit


if __name__ == "__main__":
    raise SystemExit(uvloop.run(main()))
