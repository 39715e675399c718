"""The service that stores single messages: nothing is lost when it stops, and tenants do not wait for one another."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from penstock.domain.ids import TenantId
from penstock.ingest import singles
from penstock.ingest.repeats import Replied
from penstock.ingest.singles import Result, Singles
from penstock.store.idempotency import StoredAnswer
from penstock.store.pool import Store
from penstock.telemetry.metrics import Metrics
from tests.builders import new_id
from tests.singles import single, tenant_of


def render(results: Sequence[Result]) -> StoredAnswer:
    """How many messages there were."""
    return StoredAnswer(200, {}, b"%d" % len(results))


@pytest.fixture
def service(store: Store) -> Singles:
    """Not running yet."""
    return Singles(store, Metrics("test"), new_id=new_id, kept=timedelta(days=1), announce=lambda _: None)


async def send(service: Singles, tenant_id: TenantId, first: int, n: int = 1) -> Replied:
    """A request with so many messages."""
    return await service.send(tenant_id, None, [single(first + i) for i in range(n)], render)


async def test_what_was_handed_in_before_the_halt_is_stored(service: Singles, store: Store) -> None:
    """The door closes first, then what waits is stored, then the service ends."""
    tenant_ids, halt = [await tenant_of(store, name) for name in ("one", "two")], asyncio.Event()
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(send(service, tenant_ids[i % 2], i * 700, 700)) for i in range(6)]
        await asyncio.sleep(0)
        halt.set()
        await service.run(halt)
        assert all(task.done() for task in tasks)
    async with store.engine() as connection:
        assert await connection.fetchval("SELECT count(*) FROM message") == 4200
        assert await connection.fetchval("SELECT count(DISTINCT xmin::text) FROM message") == 6


async def test_a_slow_tenant_does_not_hold_up_another(service: Singles, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """While one tenant's transaction hangs, another's is stored."""
    slow, quick = await tenant_of(store, "slow"), await tenant_of(store, "quick")
    is_running, go_on, halt = asyncio.Event(), asyncio.Event(), asyncio.Event()
    place = singles.place_messages

    async def held(connection: Any, tenant_id: TenantId, *rest: Any) -> Any:
        if tenant_id == slow:
            is_running.set()
            await go_on.wait()
        return await place(connection, tenant_id, *rest)

    monkeypatch.setattr(singles, "place_messages", held)
    async with asyncio.TaskGroup() as group:
        group.create_task(service.run(halt))
        waiting = group.create_task(send(service, slow, 0))
        await is_running.wait()
        assert (await send(service, quick, 1)).answer.body == b"1"
        assert not waiting.done()
        go_on.set()
        halt.set()


async def test_a_defect_is_told_to_its_callers_only(service: Singles, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The service goes on."""
    tenant_id, halt = await tenant_of(store), asyncio.Event()

    async def broken(*_: Any) -> Any:
        raise ZeroDivisionError

    async with asyncio.TaskGroup() as group:
        group.create_task(service.run(halt))
        with monkeypatch.context() as patch:
            patch.setattr(singles, "place_messages", broken)
            with pytest.raises(ZeroDivisionError):
                await send(service, tenant_id, 0)
        assert not (await send(service, tenant_id, 0)).is_repeat
        halt.set()
