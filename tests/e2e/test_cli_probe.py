"""`check --probe-reference`: one message leaves, and a line says what the provider does with references."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from penstock.simulator import Simulator
from penstock.store.pool import Store
from tests.builders import ACCOUNT, make_campaign
from tests.e2e.evidence import Database, set_rule
from tests.e2e.inside import KEY, SECRET, simulator_settings
from tests.e2e.test_cli import acts, run, servers

NUMBER = "+4915100000001"
REAL = {
    "PENSTOCK_MODE": "real", "MITTO_MAX_SEGMENTS_PER_S": "10", "MITTO_API_KEY": KEY, "MITTO_TRAFFIC_ACCOUNT_ID": ACCOUNT,
    "MITTO_SENDER_NAME": "Penstock", "MITTO_WEBHOOK_SECRET": SECRET,
}  # fmt: skip
PROBE = ("check", "--probe-reference", NUMBER, "--yes")

Provider = Callable[..., AbstractAsyncContextManager[tuple[Simulator, Mapping[str, str]]]]


@pytest.fixture
def provider(dsn: str, valkey_url: str, tmp_path: Path) -> Provider:
    """Lend the maker of a simulator, with the environment of a command that uses it."""

    @asynccontextmanager
    async def make(**simulated: object) -> AsyncIterator[tuple[Simulator, Mapping[str, str]]]:
        async with Simulator(simulator_settings(1, tmp_path / "journal.ndjson", callback=None, **simulated)) as simulator:
            environment = servers(dsn, valkey_url) | {"MITTO_API_BASE": simulator.url, "PENSTOCK_LOOK_UP__AFTER": "50ms"}
            yield simulator, environment | {"PENSTOCK_MODE": "mock"}

    return make


@pytest.mark.parametrize(
    ("simulated", "said"),
    [
        ({"references": "shown"}, "accepted, and returned by look-ups: set PENSTOCK_MITTO__REFERENCE=1"),
        ({"references": "shown", "early_404_s": 0.5}, "accepted, and returned by look-ups: set PENSTOCK_MITTO__REFERENCE=1"),
        ({"references": "ignored"}, "accepted, and not returned by look-ups: leave PENSTOCK_MITTO__REFERENCE=0"),
        ({"references": "refused"}, "the message was refused: leave PENSTOCK_MITTO__REFERENCE=0"),
    ],
)
async def test_every_reading_is_told(dsn: str, provider: Provider, simulated: dict[str, object], said: str) -> None:
    """One message at most is accepted, the answer is one line, and the act is on record without the number; no books change."""
    async with provider(**simulated) as (simulator, environment):
        done = await run(*PROBE, **environment)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith(f"reference: {said}")
    assert simulator.summary.accepted == (simulated["references"] != "refused")
    assert [act[1:] for act in await acts(dsn)] == [("account.probe", f"account:{ACCOUNT}")]
    database = Database(dsn)
    assert NUMBER[1:] not in str(await database.fetch("SELECT detail FROM audit"))
    assert await database.value("SELECT (SELECT count(*) FROM message) + (SELECT count(*) FROM process)") == 0


@pytest.mark.parametrize(
    ("arguments", "changes", "complaint"),
    [
        (PROBE, {"SAFE_MODE": "1"}, "SAFE_MODE=1: nothing is sent"),
        (("check", "--probe-reference", "0151 1234", "--yes"), {}, "a number is written as +"),
        (PROBE[:-1], {}, "Is it yours?"),
        (PROBE, REAL, "mock"),
    ],
)  # fmt: skip
async def test_nothing_is_sent(provider: Provider, arguments: tuple[str, ...], changes: dict[str, str], complaint: str) -> None:
    """Not in safe mode, to no number, unasked, or with the database of the other mode."""
    async with provider() as (simulator, environment):
        done = await run(*arguments, **{**environment, **changes})
        assert (done.returncode, simulator.summary.requests) == (1, 0), done.stderr
    assert complaint in done.stderr


async def test_a_held_account_sends_no_probe(provider: Provider, store: Store) -> None:
    """What holds the account holds this command too."""
    scene = await make_campaign(store, 1)
    await scene.execute("UPDATE account SET held_until = now() + interval '1 hour', held_reason = 'invoice'")
    async with provider() as (simulator, environment):
        done = await run(*PROBE, **environment)
        assert (done.returncode, simulator.summary.requests) == (1, 0)
    assert "the account is held (invoice)" in done.stderr


async def test_an_answer_that_is_lost_is_said(provider: Provider) -> None:
    """Nobody knows whether it was sent: one line says so, and it is not sent again."""
    async with provider() as (simulator, environment):
        await set_rule(simulator.url, "T4", next=1)
        done = await run(*PROBE, **environment)
        assert (done.returncode, simulator.summary.accepted) == (1, 1)
    assert "the message may have been sent" in done.stderr
