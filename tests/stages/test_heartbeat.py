"""Who lives and who sends, as each process says and sees it."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from penstock.domain.errors import UnavailableError
from penstock.reconcile.heartbeat import FRESH_S, Heartbeat
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


def heartbeat(dsn: str, worker: str, *, is_sending: bool = True) -> tuple[Heartbeat, SteppedClock]:
    """One process's, and its clock."""
    clock = SteppedClock()
    return Heartbeat(dsn, Identity(worker, "all", is_sending), clock), clock


async def rows(store: Store) -> dict[str, str]:
    """Every process on record and its limiter's mode."""
    async with store.engine() as connection:
        return {row[0]: row[1] for row in await connection.fetch("SELECT worker, limiter_mode FROM process")}


async def age(store: Store, worker: str, seconds: float) -> None:
    """Let its last beat be so old."""
    async with store.engine() as connection:
        await connection.execute(
            "UPDATE process SET seen_at = now() - make_interval(secs => $2) WHERE worker = $1", worker, seconds
        )


async def test_each_process_counts_those_that_send(dsn: str, store: Store) -> None:
    """A beat makes a process seen, and shows it how many send and how many of them keep a share of their own."""
    first, second, third = (heartbeat(dsn, name)[0] for name in ("a", "b", "c"))
    api, _ = heartbeat(dsn, "api", is_sending=False)
    third.announce("local")
    async with store.engine() as connection:
        for one in (api, third, second, first):
            await one.beat(connection)
        assert (first.processes(), first.local()) == (3, 1)
        assert (third.processes(), third.local()) == (1, 1)
        await third.beat(connection)
    assert (third.processes(), third.local()) == (3, 1)


async def test_a_process_that_was_not_seen_for_long_counts_no_more(dsn: str, store: Store) -> None:
    """After the TTL, by the database's clock, a silent process is gone; with its next beat it is back."""
    first, second = heartbeat(dsn, "a")[0], heartbeat(dsn, "b")[0]
    async with store.engine() as connection:
        await second.beat(connection)
        for silent_s, seen in ((4.5, 2), (5.1, 1)):
            await age(store, "b", silent_s)
            await first.beat(connection)
            assert first.processes() == seen
        await second.beat(connection)
        await first.beat(connection)
    assert first.processes() == 2


async def test_an_old_view_is_not_relied_upon(dsn: str, store: Store) -> None:
    """Before its first beat and some time after its last a process must not send, and takes every other one for local."""
    one, clock = heartbeat(dsn, "a")
    assert not one.is_current
    other = heartbeat(dsn, "b")[0]
    async with store.engine() as connection:
        await other.beat(connection)
        await one.beat(connection)
    assert one.is_current
    assert one.local() == 0
    clock.at += FRESH_S
    assert not one.is_current
    assert (one.processes(), one.local()) == (2, 2)


async def test_a_beat_that_fails_leaves_the_view_as_old_as_it_was(dsn: str) -> None:
    """Only a beat that was noted and answered makes the view current."""
    one, _ = heartbeat(dsn, "a")
    connection = await connect(dsn)
    await connection.close()
    with pytest.raises(UnavailableError):
        await one.beat(connection)
    assert not one.is_current


async def test_a_stopped_process_leaves_no_row(dsn: str, store: Store) -> None:
    """While it runs it is seen; when it is told to stop, nobody needs to wait until its last beat is old."""
    one, _ = heartbeat(dsn, "a")
    halt = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(one.run(halt))
        await wait_until(lambda: _is(rows(store), {"a": "shared"}), "the process is seen")
        halt.set()
    assert await rows(store) == {}


async def test_a_change_of_mode_is_told_at_once(dsn: str, store: Store, monkeypatch: Any) -> None:
    """The others learn of it without waiting for the next beat, which here would never come."""
    monkeypatch.setattr("penstock.reconcile.heartbeat.BEAT_S", 3600.0)
    one, _ = heartbeat(dsn, "a")
    halt = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(one.run(halt))
        await wait_until(lambda: _is(rows(store), {"a": "shared"}), "the process is seen")
        one.announce("local")
        await wait_until(lambda: _is(rows(store), {"a": "local"}), "its new mode is seen")
        halt.set()


async def test_it_beats_again_after_its_session_was_killed(dsn: str, store: Store) -> None:
    """The loss of its connection ends one beat, not the service."""
    one, _ = heartbeat(dsn, "a")
    halt = asyncio.Event()
    async with asyncio.TaskGroup() as group:
        group.create_task(one.run(halt))
        await wait_until(lambda: _is(rows(store), {"a": "shared"}), "the process is seen")
        async with store.engine() as connection:
            await end_other_sessions(connection)
            await connection.execute("DELETE FROM process")
        await wait_until(lambda: _is(rows(store), {"a": "shared"}), "the process is seen again")
        halt.set()


async def test_rows_of_the_dead_are_swept_after_a_while(dsn: str, store: Store) -> None:
    """For ten minutes one can see what died; then the row goes."""
    async with store.engine() as connection:
        for name in ("living", "dead", "long_dead"):
            await heartbeat(dsn, name)[0].beat(connection)
    await age(store, "dead", 540)
    await age(store, "long_dead", 660)
    await sweep_processes(store)
    assert set(await rows(store)) == {"living", "dead"}


async def _is(found: Any, expected: object) -> bool:
    return bool(await found == expected)
