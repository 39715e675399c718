"""The script inside Redis: the same as its twin, step by step, and at home in a cluster."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import structs
from redis.crc import key_slot

from penstock.domain.ids import AccountId, TenantId
from penstock.limits import script
from penstock.limits.demand import KEY_PREFIX, Demand, Epoch, Scope, Verdict, closed
from penstock.limits.model import Ledger
from penstock.limits.quota import SLOTS, Quota
from penstock.limits.scopes import Quotas, Traffic

CLOCK_KEY = f"{KEY_PREFIX}clock"
# The same script with a clock that the test sets: a list of seconds and microseconds.
STEPPED = script.SOURCE.replace("redis.call('TIME')", f"redis.call('LRANGE', '{CLOCK_KEY}', 0, 1)")
SPAN_US = SLOTS * 40_000
EPOCH = Epoch(f"{KEY_PREFIX}epoch", "stamp", SPAN_US)

QUOTAS: dict[Scope, Quota] = {
    "account": Quota(3, 20_500),
    "tenant": Quota(2, 7_001),
    "global": Quota(5, 40_000),
    "segments": Quota(100, 20_500),
}
demands_of_one_call = st.lists(
    st.tuples(
        st.sampled_from(list(QUOTAS)),
        st.integers(0, 60),
        st.integers(0, 60),
        st.sampled_from("ab"),
        st.sampled_from([0, 0, 1, 5]),
    ),
    max_size=4,
    unique_by=lambda part: (part[0], part[3]),
)
steps = st.one_of(st.just(0), st.integers(-60_000, 60_000), st.integers(0, 3 * SPAN_US), st.integers(-10 * SPAN_US, 0))


class SteppedServer:
    """A Valkey whose script sees the time it is told."""

    def __init__(self, url: str) -> None:
        self.client = redis.Redis.from_url(url, protocol=2)
        self.at_us = 1_700_000_000_000_000

    def step(self, span_us: int) -> None:
        """Move the time."""
        self.at_us += span_us
        self.client.delete(CLOCK_KEY)
        self.client.rpush(CLOCK_KEY, *divmod(self.at_us, 1_000_000))

    def ask(self, demands: list[Demand], epoch: Epoch = EPOCH) -> Verdict:
        """Call the script."""
        count, *words = script.operands(7, epoch, demands)
        raw: Any = self.client.eval(STEPPED, count, *words)  # type: ignore[arg-type]
        return script.read_reply(raw, 7, demands).verdict


@pytest.fixture
def server(valkey_url: str) -> Iterator[SteppedServer]:
    """Lend an empty server."""
    server = SteppedServer(valkey_url)
    server.client.flushall()
    server.step(0)
    yield server
    server.client.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=st.lists(st.tuples(steps, demands_of_one_call), max_size=25))
def test_script_and_model_agree(server: SteppedServer, calls: list[tuple[int, Any]]) -> None:
    """Whatever is asked or given back at whatever times, also with a clock that jumps, both give the same verdicts."""
    server.client.flushall()
    ledger, times = Ledger(SPAN_US), [0]
    for step, parts in [(0, []), (SPAN_US, []), *calls]:
        server.step(step)
        demands = [
            Demand(
                scope,
                f"{KEY_PREFIX}{scope}:{name}",
                QUOTAS[scope],
                least,
                least + more,
                returned,
                times[-returned % len(times)],
            )
            for scope, least, more, name, returned in parts
        ]
        verdict = server.ask(demands)
        assert verdict == ledger.acquire(server.at_us, "same", demands)
        times.append(verdict.now_us)


def test_a_small_step_back_frees_nothing(server: SteppedServer) -> None:
    """When the server's clock falls back by less than a window, time stands still until it has caught up."""
    demand = Demand("account", f"{KEY_PREFIX}account:a", QUOTAS["account"], 3, 3)
    server.ask([])
    server.step(SPAN_US)
    assert server.ask([demand]).taken == (3,)
    server.step(-SPAN_US // 2)
    assert server.ask([demand]).blocker == "account"


def test_another_stamp_starts_with_an_empty_window(server: SteppedServer) -> None:
    """Memory of another server, or of other bucket widths, is worth nothing: one window without grants."""
    server.ask([])
    server.step(SPAN_US)
    demand = Demand("account", f"{KEY_PREFIX}account:a", QUOTAS["account"], 1, 1)
    assert server.ask([demand]).taken == (1,)
    other = structs.replace(EPOCH, stamp="other")
    assert server.ask([demand], other) == closed([demand], SPAN_US)
    server.step(SPAN_US)
    assert server.ask([demand], other).taken == (1,)


def test_a_replacement_server_starts_with_an_empty_window(server: SteppedServer) -> None:
    """An epoch that was written under another run_id, as after a failover or from a snapshot, is begun anew."""
    server.ask([])
    server.step(SPAN_US)
    run_id = server.client.info("server")["run_id"]
    assert server.client.hget(EPOCH.key, "stamp") == f"stamp:{run_id}".encode()
    server.client.hset(EPOCH.key, "stamp", "stamp:" + "0" * 40)
    assert server.ask([]).blocker == "window"


def test_every_key_expires(server: SteppedServer) -> None:
    """Nothing stays for ever: scopes live two windows and a little, the epoch a day."""
    demands = [Demand(scope, f"{KEY_PREFIX}{scope}:a", quota, 1, 1) for scope, quota in QUOTAS.items()]
    server.ask([])
    server.step(SPAN_US)
    assert len(server.ask(demands).taken) == 4
    lives = {key: server.client.pttl(key) for key in script.keys(EPOCH, demands)}
    assert all(2 * SLOTS * quota.width_us / 1000 < lives[f"{KEY_PREFIX}{scope}:a"] < 10_000 for scope, quota in QUOTAS.items())
    assert lives[EPOCH.key] > 23 * 3600 * 1000


def test_all_keys_live_on_one_node() -> None:
    """Every key of a call has the same hash slot, whatever the account and tenant are called."""
    quotas = Quotas(account=Quota(1, 1), tenant=Quota(1, 1), total=Quota(1, 1), segments=Quota(1, 1))
    slots = {
        key_slot(key.encode())
        for account in ("a", "{b}", "}{")
        for key in script.keys(quotas.epoch, quotas.demands(Traffic(AccountId(account), TenantId(7)), 1, 1))
    }
    assert len(slots) == 1


@pytest.mark.parametrize(
    "reply",
    [None, 1, [], [7, 1, 0], [7, 1, 0, -1], [7, 1, 0, b"x"], [8, 1, 0, -1, 1], [7, 1, 0, -1, 1, 1], [7, 1, 0, 2, 1, 1, 1, 1]],
)
def test_a_strange_reply_is_refused(reply: object) -> None:
    """A reply of another call or of another shape never becomes a verdict."""
    with pytest.raises(script.BadReplyError):
        script.read_reply(reply, 7, [Demand("account", "k", QUOTAS["account"], 1, 1)])
