"""Who lives and who sends, as each process says and sees it."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from penstock.domain.errors import UnavailableError
from penstock.limits.shares import FRESH_S, WHOLE, Portion, Shares
from penstock.reconcile.heartbeat import Heartbeat
from penstock.reconcile.processes import sweep_processes
from penstock.store.pool import Store, connect
from penstock.store.processes import Identity
from tests.builders import end_other_sessions
from tests.e2e.evidence import wait_until


class SteppedClock:
    """A clock that is set by hand."""

    at = 1000.0

    def now(self) -> datetime:
        """Wall-clock time."""
        return datetime.fromtimestamp(self.at, UTC)

    def monotonic(self) -> float:
        """Seconds."""
        return self.at


class Process:
    """A heartbeat with what it agrees on, and its clock."""

    def __init__(self, dsn: str, worker: str, *, is_sending: bool = True) -> None:
        self.clock = SteppedClock()
        self.shares = Shares(1.0)
        self.news = asyncio.Event()
        me, shares = Identity(worker, "all", is_sending), self.shares if is_sending else None
        self.heartbeat = Heartbeat(dsn, me, self.clock, shares, self.news)

    def portion(self) -> Portion | None:
        """What it may use now."""
        return self.shares.portion(self.clock.at)


async def rows(store: Store) -> dict[str, int]:
    """Every process on record and the share it announced."""
    async with store.engine() as connection:
        return {row[0]: row[1] for row in await connection.fetch("SELECT worker, limiter_parts FROM process")}


async def age(store: Store, worker: str, seconds: float) -> None:
    """Let its last beat be so old."""
    async with store.engine() as connection:
        await connection.execute(
            "UPDATE process SET seen_at = now() - make_interval(secs => $2) WHERE worker = $1", worker, seconds
        )


async def test_each_process_sees_those_that_send(dsn: str, store: Store) -> None:
    """A beat makes a process seen, and shows it how many send and which shares they keep."""
    first, second, third = (Process(dsn, name) for name in ("a", "b", "c"))
    api = Process(dsn, "api", is_sending=False)
    async with store.engine() as connection:
        for one in (api, third, second, first):
            await one.heartbeat.beat(connection)
        assert (first.shares.processes, third.shares.processes) == (3, 1)
        third.shares.lose()
        for one in (third, third, first, second):
            await one.heartbeat.beat(connection)
    assert third.shares.processes == 3
    assert first.portion() == second.portion() == Portion(reserved=(6,))
    assert await rows(store) == {"a": 0, "b": 0, "c": 6, "api": 0}


async def test_a_process_that_was_not_seen_for_long_counts_no_more(dsn: str, store: Store) -> None:
    """After the TTL, by the database's clock, a silent process is gone, once what it sent counts no more; and may come back."""
    first, second = Process(dsn, "a"), Process(dsn, "b")
    async with store.engine() as connection:
        await second.heartbeat.beat(connection)
        for silent_s, seen in ((4.5, 2), (5.1, 2)):
            await age(store, "b", silent_s)
            await first.heartbeat.beat(connection)
            assert first.shares.processes == seen
        first.clock.at += first.shares.ttl_s
        await first.heartbeat.beat(connection)
        assert first.shares.processes == 1
        await second.heartbeat.beat(connection)
        await first.heartbeat.beat(connection)
    assert first.shares.processes == 2


async def test_an_old_view_is_not_relied_upon(dsn: str, store: Store) -> None:
    """Before its first beat and some time after its last one a process may send nothing."""
    one = Process(dsn, "a")
    assert one.portion() is None
    async with store.engine() as connection:
        await one.heartbeat.beat(connection)
    assert one.portion() == WHOLE
    one.clock.at += FRESH_S
    assert one.portion() is None


async def test_a_beat_that_fails_leaves_the_view_as_old_as_it_was(dsn: str) -> None:
    """Only a beat that was noted and answered makes the view current."""
    one = Process(dsn, "a")
    connection = await connect(dsn)
    await connection.close()
    with pytest.raises(UnavailableError):
        await one.heartbeat.beat(connection)
    assert one.portion() is None


async def test_a_stopped_process_leaves_no_row(dsn: str, store: Store) -> None:
    """While it runs it is seen; when it is told to stop, nobody needs to wait until its last beat is old."""
    one, halt = Process(dsn, "a"), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(one.heartbeat.run(halt))
        await wait_until(lambda: _is(rows(store), {"a": 0}), "the process is seen")
        halt.set()
    assert await rows(store) == {}


async def test_a_stopped_process_leaves_its_share_behind(dsn: str, store: Store) -> None:
    """What was sent on a share still counts: the others see the row until it is old."""
    one, halt = Process(dsn, "a"), asyncio.Event()
    one.shares.lose()
    async with asyncio.TaskGroup() as group:
        group.create_task(one.heartbeat.run(halt))
        await wait_until(lambda: _is(rows(store), {"a": 2}), "the share is seen")
        halt.set()
    assert await rows(store) == {"a": 2}


async def test_a_share_is_told_at_once(dsn: str, store: Store, monkeypatch: Any) -> None:
    """The others learn of it without waiting for the next beat, which here would never come."""
    monkeypatch.setattr("penstock.reconcile.heartbeat.BEAT_S", 3600.0)
    one, halt = Process(dsn, "a"), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(one.heartbeat.run(halt))
        await wait_until(lambda: _is(rows(store), {"a": 0}), "the process is seen")
        one.shares.lose()
        one.news.set()
        await wait_until(lambda: _is(rows(store), {"a": 2}), "its share is seen")
        halt.set()


async def test_it_beats_again_after_its_session_was_killed(dsn: str, store: Store) -> None:
    """The loss of its connection ends one beat, not the service."""
    one, halt = Process(dsn, "a"), asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(one.heartbeat.run(halt))
        await wait_until(lambda: _is(rows(store), {"a": 0}), "the process is seen")
        async with store.engine() as connection:
            await end_other_sessions(connection)
            await connection.execute("DELETE FROM process")
        await wait_until(lambda: _is(rows(store), {"a": 0}), "the process is seen again")
        halt.set()


async def test_rows_of_the_dead_are_swept_after_a_while(dsn: str, store: Store) -> None:
    """For ten minutes one can see what died; then the row goes."""
    async with store.engine() as connection:
        for name in ("living", "dead", "long_dead"):
            await Process(dsn, name).heartbeat.beat(connection)
    await age(store, "dead", 540)
    await age(store, "long_dead", 660)
    await sweep_processes(store)
    assert set(await rows(store)) == {"living", "dead"}


async def _is(found: Any, expected: object) -> bool:
    return bool(await found == expected)
