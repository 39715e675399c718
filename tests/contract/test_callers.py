"""The limits of callers on a real server: exact together, open when it is away, empty when it is empty."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from redis.asyncio import from_url as connect
from redis.crc import key_slot

from penstock.clock import SystemClock
from penstock.config import Callers, Redis
from penstock.domain.ids import KeyId, TenantId
from penstock.embedded import EmbeddedValkey
from penstock.limits.callers import AT_ONCE, CallerLimits, Who
from penstock.limits.demand import Verdict
from penstock.limits.rules import Tier
from penstock.redact import Secret
from penstock.telemetry.metrics import Metrics
from tests.contract.positions import fullest_window
from tests.servers import private_folder

ME = Who("192.0.2.1", TenantId(1), KeyId(1))
MY_OTHER_KEY = Who("192.0.2.1", TenantId(1), KeyId(2))
OTHER = Who("192.0.2.2", TenantId(2), KeyId(3))


@pytest.fixture
def valkey() -> Iterator[EmbeddedValkey]:
    """Lend a server of the test's own, to be killed."""
    with private_folder() as folder:
        server = EmbeddedValkey(folder / "valkey")
        with server:
            yield server


@pytest.fixture
async def url(valkey_url: str) -> str:
    """The worker's server, emptied."""
    await flush(valkey_url)
    return valkey_url


async def flush(url: str) -> None:
    """Forget everything."""
    client = connect(url)
    await client.flushall()
    await client.aclose()


@asynccontextmanager
async def process_at(url: str, settings: Callers, *, timeout_s: float = 10.0) -> AsyncIterator[CallerLimits]:
    """The limits as one process of the gateway has them; with patience, because the server shares its machine with others."""
    limits = CallerLimits.open(
        Redis(url=Secret(url), timeout=timedelta(seconds=timeout_s)),
        settings,
        metrics=Metrics("test"),
        clock=SystemClock(),
    )
    try:
        yield limits
    finally:
        await limits.aclose()


async def admitted(limits: CallerLimits, n: int, who: Who = ME, tier: Tier = Tier.CALL) -> int:
    """How many of so many calls pass."""
    return sum([(await limits.admit(who, tier)).blocker is None for _ in range(n)])


async def until_away(limits: CallerLimits) -> None:
    """Call until the server counts as away; every call is answered meanwhile."""
    strangers = (Who("192.0.2.3", TenantId(3), KeyId(n)) for n in range(1_000_000))
    async with asyncio.timeout(10):
        while not limits.is_alone:
            assert isinstance(await limits.admit(next(strangers), Tier.CALL), Verdict)
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("settings", "who", "other"),
    [
        (Callers(key_per_s=7), ME, MY_OTHER_KEY), (Callers(key_per_hour=7), ME, MY_OTHER_KEY),
        (Callers(key_per_day=7), ME, MY_OTHER_KEY),
        (Callers(tenant_per_s=7), ME, OTHER), (Callers(tenant_per_hour=7), ME, OTHER), (Callers(tenant_per_day=7), ME, OTHER),
        (Callers(address_per_s=7), ME, OTHER), (Callers(address_per_hour=7), ME, OTHER),
        (Callers(address_per_day=7), ME, OTHER),
    ],
    ids=lambda one: next((name for name in one.__struct_fields__ if getattr(one, name) == 7), ""),
)  # fmt: skip
async def test_two_processes_grant_a_limit_together(url: str, settings: Callers, who: Who, other: Who) -> None:
    """Asking in parallel they admit exactly as many as the limit says, and nobody else is touched."""
    async with process_at(url, settings) as one, process_at(url, settings) as two:
        counts = await asyncio.gather(*(admitted(limits, 5, who) for limits in (one, two, one, two)))
        assert sum(counts) == 7
        assert await admitted(two, 7, other) == 7


async def test_keys_of_a_tenant_and_callers_of_an_address_share(url: str) -> None:
    """What is counted for a tenant or an address is counted for all its keys."""
    async with process_at(url, Callers(tenant_per_hour=5, address_per_hour=8)) as limits:
        assert await admitted(limits, 3, ME) == 3
        assert await admitted(limits, 3, MY_OTHER_KEY) == 2
        neighbour = Who(ME.party, TenantId(9), KeyId(9))
        assert await admitted(limits, 9, neighbour) == 2  # the refused call of the tenant counted at the address


async def test_no_window_of_a_second_is_too_full(url: str) -> None:
    """Asked without pause for several seconds, in no position of the window more than the limit passed."""
    settings = Callers(key_per_s=40)
    passed: list[tuple[int, int]] = []
    async with process_at(url, settings) as one, process_at(url, settings) as two:

        async def ask(limits: CallerLimits) -> None:
            until = SystemClock().monotonic() + 3.0
            while (began := SystemClock().monotonic()) < until:
                verdict = await limits.admit(ME, Tier.CALL)
                if verdict.blocker is None:
                    passed.append((int(began * 1e6), int(SystemClock().monotonic() * 1e6)))
                else:
                    await asyncio.sleep(verdict.wait_us / 1e6)

        await asyncio.gather(ask(one), ask(two))
    # A call passed at some moment between its two times: taken at its end, two may seem closer by as much as the longest took.
    longest_us = max(end - began for began, end in passed)
    assert fullest_window([(end, 1) for _, end in passed], 1_000_000 - longest_us) <= 40
    assert len(passed) >= 40 * 2


async def test_the_wait_is_obeyed_and_then_it_passes(url: str) -> None:
    """A refusal says how long, costs the server nothing until then, and is over afterwards."""
    async with process_at(url, Callers(key_per_s=3)) as limits:
        assert await admitted(limits, 3) == 3
        verdict = await limits.admit(ME, Tier.CALL)
        assert verdict.blocker == "key_second"
        assert 0 < verdict.wait_us <= 1_020_000
        before = await commands_of(url)
        assert await admitted(limits, 200) == 0
        assert await commands_of(url) - before < 10
        wait_s = (await limits.admit(ME, Tier.CALL)).wait_us / 1e6
        await asyncio.sleep(wait_s + 0.002)  # uvloop's timers count in milliseconds, and may wake early
        assert await admitted(limits, 1) == 1


async def commands_of(url: str) -> int:
    """How many commands the server has done."""
    client = connect(url)
    info = await client.info("stats")
    await client.aclose()
    return int(info["total_commands_processed"])


async def test_a_changed_limit_is_in_force_at_once(url: str) -> None:
    """What is remembered of a refusal is of the limit that refused."""
    few, more = (Who(ME.party, ME.tenant_id, ME.key_id, own) for own in ("trial", None))
    async with process_at(url, Callers(trial_sends_per_hour=2, sends_per_hour=5)) as limits:
        assert await admitted(limits, 9, few, Tier.SEND) == 2  # type: ignore[arg-type]
        assert await admitted(limits, 9, more, Tier.SEND) == 3  # type: ignore[arg-type]
        assert await admitted(limits, 9, few, Tier.SEND) == 0  # type: ignore[arg-type]


async def test_tiers_count_apart(url: str) -> None:
    """Sends and new keys have limits of their own beside that of all calls."""
    async with process_at(url, Callers(sends_per_hour=2, new_keys_per_hour=1, tenant_per_hour=10)) as limits:
        assert await admitted(limits, 4, tier=Tier.SEND) == 2
        assert await admitted(limits, 4, tier=Tier.REGISTER) == 1
        assert await admitted(limits, 9) == 7


async def test_looking_takes_nothing(url: str) -> None:
    """Every limit of the caller with what remains; looked at a hundred times it stays so."""
    async with process_at(url, Callers(key_per_s=0, tenant_per_s=0, tenant_per_hour=10, address_per_hour=6)) as limits:
        await admitted(limits, 4)
        for _ in range(100):
            standings = {one.scope: (one.limit, one.remaining) for one in await limits.look(ME)}
        assert standings == {
            "address_hour": (6, 2), "new_keys_hour": (5, 5), "tenant_hour": (10, 6), "new_keys_day": (10, 10),
        }  # fmt: skip


async def test_refused_credentials_bar_the_address(url: str) -> None:
    """As many as may be, then none: for this address, in every process from its next one on, and nobody else's."""
    settings = Callers(refused_per_hour=3)
    async with process_at(url, settings) as one, process_at(url, settings) as two:
        assert [(await one.refuse("192.0.2.1")).blocker for _ in range(3)] == [None] * 3
        assert one.barred("192.0.2.1").blocker is None
        assert (await one.refuse("192.0.2.1")).blocker == "refused_hour"
        assert (await one.refuse("192.0.2.1")).wait_us > 3_500_000_000
        assert two.barred("192.0.2.1").blocker is None
        assert (await two.refuse("192.0.2.1")).blocker == "refused_hour"
        assert [two.barred("192.0.2.1").blocker for _ in range(3)] == [None, "refused_hour", "refused_hour"]
        assert one.barred("192.0.2.2").blocker is None
        assert await admitted(one, 5, ME) == 5


async def test_a_barred_address_is_tried_once_in_a_second(url: str) -> None:
    """It may be that of many: a good key among many bad ones is let in soon, and is told when."""
    async with process_at(url, Callers(refused_per_hour=1)) as limits:
        for _ in range(2):
            await limits.refuse("192.0.2.1")
        assert limits.barred("192.0.2.1").blocker is None
        second = limits.barred("192.0.2.1")
        assert (second.blocker, 0 < second.wait_us <= 1_000_001) == ("refused_hour", True)
        limits._next_try["192.0.2.1"] -= 1
        assert [limits.barred("192.0.2.1").blocker for _ in range(2)] == [None, "refused_hour"]


async def test_an_empty_server_starts_empty(url: str) -> None:
    """Neither the first call nor the first after a loss of memory waits; what was taken is forgiven."""
    async with process_at(url, Callers(key_per_day=5)) as limits:
        assert await admitted(limits, 5) == 5
        await flush(url)
        assert await admitted(limits, 5) == 5
        assert await admitted(limits, 5) == 0


async def test_a_restarted_server_starts_empty(valkey: EmbeddedValkey) -> None:
    """Callers are not locked out for a day by it."""
    async with process_at(valkey.address, Callers(key_per_day=5)) as limits:
        assert await admitted(limits, 3) == 3
        valkey.stop()
        valkey.start()
        assert await admitted(limits, 1) == 1


async def test_a_killed_server_closes_no_door(valkey: EmbeddedValkey) -> None:
    """Every call is answered; the process goes on by itself from an empty window, and counts with the others again later."""
    async with process_at(valkey.address, Callers(key_per_day=10)) as limits:
        assert await admitted(limits, 1) == 1
        assert valkey.pid is not None
        os.kill(valkey.pid, signal.SIGKILL)
        await until_away(limits)
        assert await admitted(limits, 12) == 10
        await limits.run_once()
        assert limits.is_alone
        valkey.stop()
        valkey.start()
        await limits.run_once()
        assert not limits.is_alone
        assert await admitted(limits, 12) == 10


async def test_what_was_counted_before_it_was_known_to_be_away_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that is away is believed to be so after a moment: the calls of that moment are not forgiven."""
    monkeypatch.setattr("penstock.limits.presence.AWAY_AFTER_S", 60.0)
    async with process_at("unix:///nonexistent/valkey.sock", Callers(key_per_day=10)) as limits:
        assert await admitted(limits, 4) == 4
        assert not limits.is_alone
        monkeypatch.setattr("penstock.limits.presence.AWAY_AFTER_S", 0.0)
        assert await admitted(limits, 12) == 6
        assert limits.is_alone


async def test_a_silent_server_holds_nobody(valkey: EmbeddedValkey) -> None:
    """One that accepts and never answers ends each call in time, and soon none is made."""
    async with process_at(valkey.address, Callers(), timeout_s=0.1) as limits:
        assert valkey.pid is not None
        os.kill(valkey.pid, signal.SIGSTOP)
        try:
            began = SystemClock().monotonic()
            assert await admitted(limits, 1) == 1
            assert SystemClock().monotonic() - began < 1.0  # the timeout is 0.1 s; the rest is for a loaded machine
            await until_away(limits)
            began = SystemClock().monotonic()
            assert await admitted(limits, 100) == 100
            assert SystemClock().monotonic() - began < 1.0  # asking each time would be ten seconds
        finally:
            os.kill(valkey.pid, signal.SIGCONT)


async def test_a_crowd_shares_few_connections(url: str) -> None:
    """Five hundred calls at once are all counted, over no more connections than may be open."""
    async with process_at(url, Callers(key_per_day=400)) as limits:
        verdicts = await asyncio.gather(*(limits.admit(ME, Tier.CALL) for _ in range(500)))
        assert sum(one.blocker is None for one in verdicts) == 400
        client = connect(url)
        clients = await client.client_list()
        await client.aclose()
    assert len(clients) <= AT_ONCE + 1


async def test_a_crowd_does_not_wait_in_line_for_a_silent_server(valkey: EmbeddedValkey) -> None:
    """The first few learn that it is away; the rest is answered then, not after a timeout each."""
    async with process_at(valkey.address, Callers(), timeout_s=0.1) as limits:
        assert valkey.pid is not None
        os.kill(valkey.pid, signal.SIGSTOP)
        try:
            began = SystemClock().monotonic()
            verdicts = await asyncio.gather(*(limits.admit(ME, Tier.CALL) for _ in range(500)))
            assert {one.blocker for one in verdicts} == {None}
            assert SystemClock().monotonic() - began < 1.5  # one behind the other would be more than three seconds
        finally:
            os.kill(valkey.pid, signal.SIGCONT)


async def test_memory_while_alone_is_bounded(valkey: EmbeddedValkey, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crowd of addresses without keys does not fill this process."""
    monkeypatch.setattr("penstock.limits.callers.MOST_WINDOWS", 50)
    monkeypatch.setattr("penstock.limits.callers.MOST_REFUSALS", 20)
    async with process_at(valkey.address, Callers(refused_per_hour=1)) as limits:
        valkey.stop()
        await until_away(limits)
        for n in range(500):
            await limits.refuse(f"192.0.2.{n}")
            await limits.refuse(f"192.0.2.{n}")
        assert len(limits._alone) <= 51
        assert len(limits._refusals) <= 20


async def test_keys_of_a_call_are_on_one_node(url: str) -> None:
    """A tenant's and its keys' windows lie together, an address's too, and those of many are spread over a cluster."""
    every = Callers(**dict.fromkeys(Callers.__struct_fields__, 100))
    async with process_at(url, every) as limits:
        for n in range(20):
            await limits.admit(Who(f"192.0.2.{n}", TenantId(n), KeyId(n)), Tier.SEND)
    client = connect(url)
    keys = [key.decode() for key in await client.keys("*")]
    await client.aclose()
    slots: dict[str, set[int]] = {}
    for key in keys:
        slots.setdefault(key.partition("}")[0], set()).add(key_slot(key.encode()))
    assert all(len(found) == 1 for found in slots.values())
    assert len(set.union(*slots.values())) > 30
    assert all(key.startswith("penstock:{callers:") for key in keys)
