"""What sliding windows promise, wherever they are kept: the model, one process's share, Redis."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random

import pytest

from tests.contract.benches import Bench, bench_of
from tests.contract.cluster import private_cluster
from tests.contract.positions import fullest_window
from tests.servers import private_valkey

DEBIAN_REDIS = Path("/usr/bin/redis-server")


@pytest.fixture(scope="session")
def cluster_url() -> Iterator[str]:
    """A cluster for this worker."""
    with private_cluster() as url:
        yield url


@pytest.fixture(scope="session")
def debian_url() -> Iterator[str]:
    """The system's own Redis."""
    if not DEBIAN_REDIS.exists():
        pytest.skip(f"there is no {DEBIAN_REDIS}")
    with private_valkey(binaries=DEBIAN_REDIS.parent) as url:
        yield url


SERVERS = {"redis": "valkey_url", "cluster": "cluster_url", "debian": "debian_url"}


@pytest.fixture(params=["twin", "local", *SERVERS])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """Lend each kind of windows in turn."""
    url = request.getfixturevalue(SERVERS[request.param]) if request.param in SERVERS else ""
    async with bench_of(request.param, url) as bench:
        yield bench


async def test_the_first_window_is_empty(bench: Bench) -> None:
    """Windows without a memory grant nothing for one whole window, then the whole limit."""
    demand = bench.demand("segments", 10, most=10)
    began = bench.now_us()
    verdict = await bench.windows.acquire([demand])
    assert (verdict.taken, verdict.blocker) == ((), "window")
    assert verdict.wait_us >= bench.window_us * 0.9
    assert await bench.take(demand) == (10,)
    assert bench.now_us() - began >= bench.window_us


@pytest.mark.parametrize("seed", range(3))
async def test_never_more_than_the_limit_in_any_window(bench: Bench, seed: int) -> None:
    """Over random traffic no window of any position holds more than the limit of any scope."""
    await bench.open()
    chance = Random(seed)  # noqa: S311 - repeatable traffic
    limits = {"account": 12, "global": 20, "segments": 300}
    grants: dict[str, list[tuple[int, int]]] = {}
    until = bench.now_us() + 4 * bench.window_us
    while bench.now_us() < until:
        want, asked = chance.randint(1, 120), bench.now_us()
        demands = [bench.demand("account", 12, name=chance.choice("ab")), bench.demand("global", 20)]
        demands.append(bench.demand("segments", 300, want, chance.randint(1, want)))
        verdict = await bench.windows.acquire(demands)
        used = bench.now_us()
        if used - asked <= bench.permit_age_us:
            for demand, amount in zip(demands, verdict.taken, strict=False):
                grants.setdefault(demand.key, []).append((used, amount))
        pause = verdict.wait_us * chance.random() * 1.1 if verdict.blocker else chance.expovariate(40 / bench.window_us)
        await bench.wait(int(pause))
    assert len(grants) == 4
    for key, recorded in grants.items():
        assert fullest_window(recorded, bench.window_us) <= limits[key.rpartition("}:")[2].partition(":")[0]]


@pytest.mark.parametrize("seed", range(3))
async def test_renewed_permits_keep_the_limit(bench: Bench, seed: int) -> None:
    """Permits held for any time, then renewed, used in part or given back: no window holds more than the limit."""
    await bench.open()
    chance, limit, used, waiting = Random(seed), 100, list[tuple[int, int]](), list[tuple[int, int, int]]()  # noqa: S311 - repeatable
    until = bench.now_us() + 8 * bench.window_us
    while bench.now_us() < until:
        verdict = await bench.windows.acquire([bench.demand("segments", limit, chance.randint(1, 40))])
        if verdict.taken:
            held_us = int(chance.choice([0.0, 0.1, 0.9, 1.2]) * bench.window_us)
            waiting.append((bench.now_us() + held_us, verdict.taken[0], verdict.now_us))
        for due in [one for one in waiting if one[0] <= bench.now_us()]:
            waiting.remove(due)
            _, amount, since = due
            part = chance.choice([amount, chance.randint(0, amount)])
            asked, last = bench.now_us(), bench.demand("segments", limit, part, part).renewing(amount, since)
            renewed = await bench.windows.acquire([last])
            if sum(renewed.taken) and bench.now_us() - asked <= bench.permit_age_us:
                used.append((bench.now_us(), part))
        await bench.wait(int(chance.expovariate(20 / bench.window_us)))
    assert fullest_window(used, bench.window_us) <= limit
    assert sum(amount for _, amount in used) > 2 * limit


async def test_a_full_window_renews_what_it_gave(bench: Bench) -> None:
    """A permit that grew old moves to the present, however full the window is; from then on it counts for a whole one."""
    await bench.open()
    demand = bench.demand("segments", 10, most=10, least=10)
    given = await bench.windows.acquire([demand])
    assert given.taken == (10,)
    await bench.wait(bench.window_us // 2)
    began = bench.now_us()
    renewed = await bench.windows.acquire([demand.renewing(10, given.now_us)])
    assert (renewed.taken, renewed.standings[0].remaining) == ((10,), 0)
    assert (await bench.windows.acquire([bench.demand("segments", 10)])).blocker == "segments"
    await bench.take(bench.demand("segments", 10))
    assert bench.now_us() - began >= bench.window_us


async def test_what_was_not_used_is_free_again(bench: Bench) -> None:
    """Units given back can be taken at once; given back long after, they free nothing of others."""
    await bench.open()
    given = await bench.windows.acquire([bench.demand("segments", 10, most=6)])
    assert await bench.take(bench.demand("segments", 10, most=4)) == (4,)
    back = bench.demand("segments", 10, most=0, least=0).renewing(6, given.now_us)
    assert (await bench.windows.acquire([back])).standings[0].remaining == 6
    assert (await bench.windows.acquire([bench.demand("segments", 10, most=10)])).taken == (6,)
    await bench.wait(3 * bench.window_us)
    assert await bench.take(bench.demand("segments", 10, most=10)) == (10,)
    assert (await bench.windows.acquire([back])).standings[0].remaining == 0


async def test_a_refused_renewal_gives_nothing_back(bench: Bench) -> None:
    """Where more is asked than can be had, what there was still counts, in every scope."""
    await bench.open()
    account, segments = bench.demand("account", 2), bench.demand("segments", 10, most=8, least=8)
    given = await bench.windows.acquire([account, segments])
    more = bench.demand("segments", 10, most=11, least=11).renewing(8, given.now_us)
    refused = await bench.windows.acquire([account.renewing(1, given.now_us), more])
    assert (refused.blocker, [standing.remaining for standing in refused.standings]) == ("segments", [1, 2])
    assert (await bench.windows.acquire([bench.demand("segments", 10, most=3, least=3)])).blocker == "segments"


async def test_a_saturated_limit_is_used(bench: Bench) -> None:
    """A sender that always asks again when told gets at least 95 % of the limit."""
    await bench.open()
    demand = bench.demand("segments", 1000, most=64)
    began, bench.late_us, granted, windows = bench.now_us(), 0, 0, 6
    while bench.now_us() - began - bench.late_us < windows * bench.window_us:
        granted += sum(await bench.take(demand))
    assert granted >= 0.95 * 1000 * windows


async def test_a_refused_request_takes_nothing_anywhere(bench: Bench) -> None:
    """When one scope is exhausted the others keep all they had."""
    await bench.open()
    tenant, total = bench.demand("tenant", 2), bench.demand("global", 3)
    for _ in range(2):
        assert (await bench.windows.acquire([tenant, total])).taken == (1, 1)
    for _ in range(5):
        assert (await bench.windows.acquire([tenant, total])).blocker == "tenant"
    assert (await bench.windows.acquire([total])).taken == (1,)
    assert (await bench.windows.acquire([total])).blocker == "global"


async def test_segments_are_granted_in_part(bench: Bench) -> None:
    """Of the segments wanted those that are free are granted, if they are at least the minimum."""
    await bench.open()
    account = bench.demand("account", 100)
    assert await bench.take(account, bench.demand("segments", 10, most=7)) == (1, 7)
    assert (await bench.windows.acquire([account, bench.demand("segments", 10, most=7, least=4)])).blocker == "segments"
    assert (await bench.windows.acquire([account, bench.demand("segments", 10, most=7, least=2)])).taken == (1, 3)
    assert (await bench.windows.acquire([bench.demand("segments", 10)])).blocker == "segments"


async def test_every_scope_says_how_it_stands(bench: Bench) -> None:
    """The answer tells of each scope what was given, its limit, what is left, and when some or all of it is free again."""
    await bench.open()
    account, segments = bench.demand("account", 2), bench.demand("segments", 10, most=7)
    given = await bench.windows.acquire([account, segments])
    limits = [standing.limit for standing in given.standings]
    assert [(s.scope, s.granted, s.remaining) for s in given.standings] == [("account", 1, 1), ("segments", 7, 3)]
    assert limits == [2, 10]
    assert all(s.retry_after_us == 0 and 0.9 * bench.window_us < s.reset_us < 1.1 * bench.window_us for s in given.standings)
    refused = await bench.windows.acquire([account, bench.demand("segments", 10, most=7, least=4)])
    assert [(s.granted, s.remaining) for s in refused.standings] == [(0, 1), (0, 3)]
    assert refused.standings[0].retry_after_us == 0
    assert refused.standings[1].retry_after_us == refused.wait_us > 0


async def test_looking_takes_nothing(bench: Bench) -> None:
    """A demand of no units tells how the scope stands and changes nothing, also where the limit shrank below what was taken."""
    await bench.open()
    look, narrow = bench.demand("segments", 10, most=0, least=0), bench.demand("segments", 5, most=0, least=0)
    assert (await bench.windows.acquire([look])).standings[0].reset_us == 0
    assert await bench.take(bench.demand("segments", 10, most=7)) == (7,)
    for _ in range(3):
        verdict = await bench.windows.acquire([look])
        assert (verdict.blocker, verdict.standings[0].remaining) == (None, 3)
        assert verdict.standings[0].reset_us > 0
    shrunk = await bench.windows.acquire([narrow])
    assert (shrunk.blocker, shrunk.standings[0].remaining) == ("segments", 0)
    assert await bench.take(bench.demand("segments", 10, most=7)) == (3,)


async def test_a_shrunk_limit_counts_what_was_taken_before(bench: Bench) -> None:
    """What was taken under a larger limit counts under the smaller one, at once and for a whole window."""
    await bench.open()
    assert await bench.take(bench.demand("segments", 10, most=8)) == (8,)
    began, small = bench.now_us(), bench.demand("segments", 3)
    assert (await bench.windows.acquire([small])).blocker == "segments"
    assert await bench.take(small) == (1,)
    assert bench.now_us() - began >= bench.window_us * 0.9


async def test_what_never_fits_is_never_granted(bench: Bench) -> None:
    """A minimum above the limit is refused with the wait of a whole window, however empty it is."""
    await bench.open()
    verdict = await bench.windows.acquire([bench.demand("segments", 10, most=20, least=11)])
    assert verdict.taken == ()
    assert verdict.wait_us >= bench.window_us


async def test_the_wait_is_right(bench: Bench) -> None:
    """Asking again after the wait succeeds at once."""
    await bench.open()
    demand = bench.demand("segments", 10, most=10, least=10)
    assert await bench.take(demand) == (10,)
    verdict = await bench.windows.acquire([demand])
    assert bench.window_us * 0.5 <= verdict.wait_us <= 1.1 * bench.window_us
    await bench.wait(verdict.wait_us)
    assert (await bench.windows.acquire([demand])).taken == (10,)


async def test_names_do_not_share(bench: Bench) -> None:
    """Two accounts have a limit each."""
    await bench.open()
    one, other = bench.demand("account", 1, name="a"), bench.demand("account", 1, name="b")
    assert await bench.take(one) == (1,)
    assert (await bench.windows.acquire([other])).taken == (1,)
    assert (await bench.windows.acquire([one])).blocker == "account"


async def test_parallel_callers_share(bench: Bench) -> None:
    """Eight callers at once get the limit together and not one more."""
    await bench.open()
    demand = bench.demand("global", 20)

    async def call() -> int:
        return sum([len((await bench.windows.acquire([demand])).taken) for _ in range(5)])

    async with asyncio.TaskGroup() as tasks:
        calls = [tasks.create_task(call()) for _ in range(8)]
    assert sum(call.result() for call in calls) == 20
