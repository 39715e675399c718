"""`penstock check --probe-reference`: one real message to a number of the operator's own, and what became of its reference.

It keeps to what every send keeps to: the mode of the database, SAFE_MODE, the hold of the account, and its limits, for which
this command beats among the sending processes as long as it takes.
"""

import asyncio
import os
import socket
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import typer

from penstock.cli.failure import CommandError

if TYPE_CHECKING:
    from penstock.config import Mitto, Settings
    from penstock.domain.ids import AccountId
    from penstock.providers.mitto.client import MittoClient
    from penstock.reconcile.probe import Answer, NothingLearned, Probe
    from penstock.store.pool import Store

PERMIT_S: Final = 15.0
"""How long a permit is waited for."""

_MEANING: Final = {
    "returned": "accepted, and returned by look-ups: set PENSTOCK_MITTO__REFERENCE=1",
    "missing": "accepted, and not returned by look-ups: leave PENSTOCK_MITTO__REFERENCE=0, it would prove nothing",
    "changed": "accepted, and another one is returned by look-ups: leave PENSTOCK_MITTO__REFERENCE=0",
    "refused": "the message was refused: leave PENSTOCK_MITTO__REFERENCE=0, unless sender or number are the reason",
}


def probe_reference(settings: "Settings", to: str, *, is_sure: bool) -> None:
    """Ask, send, look, and say in one line what to set. Raises CommandError when nothing was learned."""
    from penstock import _core

    number = _core.read_numbers([to], None)[0]
    if number is None:
        raise CommandError("a number is written as + and the digits of its country and itself")
    if settings.general.safe_mode:
        raise CommandError("SAFE_MODE=1: nothing is sent")
    question = f"This sends one SMS to +{number} on the traffic account of these settings ({settings.mode} mode). Is it yours?"
    if not is_sure and not typer.confirm(question, err=True):
        raise CommandError("nothing was sent")
    print(f"reference: {_MEANING[asyncio.run(_probe(settings, number))]}")


async def _probe(settings: "Settings", number: int) -> "Answer":
    from penstock.cli.environment import running_servers
    from penstock.cli.failure import clear_failures
    from penstock.providers.mitto.client import MittoClient
    from penstock.reconcile.probe import NothingLearned
    from penstock.store.pool import Store

    with clear_failures(), running_servers(settings) as running:
        assert running.database.url is not None  # noqa: S101 - running_servers fills it in
        dsn = running.database.url.reveal()
        async with Store.open(dsn, running.database) as store, MittoClient(_mitto(running)) as client:
            learned = await _ask(running, dsn, store, client, number)
    if isinstance(learned, NothingLearned):
        sent = {True: "was sent", False: "was not sent", None: "may have been sent"}[learned.is_sent]
        raise CommandError(f"nothing is known of references: the message {sent} ({learned.reason})")
    return learned


async def _ask(settings: "Settings", dsn: str, store: "Store", client: "MittoClient", number: int) -> "Answer | NothingLearned":
    from penstock.cli.operator import actor
    from penstock.clock import SystemClock
    from penstock.domain.ids import RANDOM_BYTES, AccountId, CampaignId, uuid7
    from penstock.providers.mitto.wire import judge
    from penstock.reconcile import probe as probes

    clock = SystemClock()
    account_id = AccountId(settings.mitto.traffic_account_id or "")
    campaign_id = CampaignId(uuid7(int(clock.now().timestamp() * 1000), os.urandom(RANDOM_BYTES)))
    probe = probes.write_probe(account_id, settings.mitto.sender_name or "", number, campaign_id)
    await _check(settings, store, account_id)
    async with store.engine() as connection:
        await probes.record_probe(connection, actor(), account_id, probe)
    await _take_permit(settings, dsn, store, account_id)
    sent = probes.judge_sending(judge(await client.send_bulk(probe.body, 1), 1, account_id, now=clock.now()))
    if not isinstance(sent, probes.Sent):
        return sent
    print(f"sent as {sent.provider_id}, outside all books; looking for it for {probes.PATIENCE.seconds} s at most")
    return await _look(settings, client, sent.provider_id, probe)


async def _check(settings: "Settings", store: "Store", account_id: "AccountId") -> None:
    """The database is of this mode and release, and the account is not held."""
    from penstock.store import accounts
    from penstock.store.migrate import check_schema

    async with store.engine() as connection:
        await check_schema(connection, settings.mode)
        for account in await accounts.list_accounts(connection):
            if account.account_id == account_id and account.held_until is not None:
                raise CommandError(f"the account is held ({account.held_reason}): penstock accounts release {account_id}")


async def _take_permit(settings: "Settings", dsn: str, store: "Store", account_id: "AccountId") -> None:
    """A permit for one segment, as any sender gets it. Raises CommandError."""
    from penstock.clock import SystemClock
    from penstock.dispatch.limits import LimitReader
    from penstock.domain.ids import TenantId
    from penstock.limits.limiter import Limiter
    from penstock.reconcile.heartbeat import Heartbeat
    from penstock.store import processes
    from penstock.store.processes import Identity
    from penstock.telemetry.metrics import Metrics

    clock, per_s = SystemClock(), settings.mitto.max_segments_per_s
    limiter = Limiter.open(settings.redis, settings.rate_limit, per_s, metrics=Metrics(""), clock=clock)
    me = Identity(f"{socket.gethostname()}:{os.getpid()}:{os.urandom(4).hex()}", "check", is_sending=True)
    heartbeat = Heartbeat(dsn, me, clock, limiter.shares, asyncio.Event())
    try:
        async with asyncio.timeout(PERMIT_S), store.engine() as connection:
            await LimitReader(store, limiter).run_once()
            await heartbeat.beat(connection)
            while not (grant := await limiter.acquire(account_id, TenantId(0), want=1)).granted:
                await asyncio.sleep(min(grant.retry_after_s, 1.0))
                await heartbeat.beat(connection)
    except TimeoutError as error:
        raise CommandError("nothing was sent: the limits left no room") from error
    finally:
        await limiter.aclose()
        async with store.engine() as connection:
            await processes.remove_process(connection, me.worker)


async def _look(settings: "Settings", client: "MittoClient", provider_id: str, probe: "Probe") -> "Answer | NothingLearned":
    from penstock.clock import SystemClock
    from penstock.providers.mitto.message import read_message
    from penstock.reconcile.probe import PATIENCE, NothingLearned, judge_sight

    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE.total_seconds()):
            while True:
                await asyncio.sleep(settings.look_up.after.total_seconds())
                sight = read_message(await client.get_message(provider_id), provider_id, now=SystemClock().now())
                if (answer := judge_sight(sight, probe)) is not None:
                    return answer
    return NothingLearned("look-ups do not show it", is_sent=True)


def _mitto(settings: "Settings") -> "Mitto":
    """In mock mode never Mitto's own address: the simulator of a gateway that runs here."""
    import msgspec

    from penstock.cli.mock import MOCK_PORT

    if settings.mode == "real" or settings.mitto.api_base is not None:
        return settings.mitto
    return msgspec.structs.replace(settings.mitto, api_base=f"http://127.0.0.1:{MOCK_PORT}")
