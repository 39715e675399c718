from datetime import UTC, datetime

from penstock.domain.message import MessageState
from penstock.domain.report import Report
from penstock.store import campaigns, reports
from penstock.store.pool import Connection, Store
from tests.builders import add_twin_of_next_month, make_campaign, make_sent_campaign

AT_US = 1_700_000_000_123_457


def report(provider_id: str, status: str = "Delivered", at_us: int | None = AT_US, error: str | None = None) -> Report:
    """A report."""
    return Report(provider_id, status, at_us, error)


async def parked_ids(connection: Connection) -> list[str]:
    """Parked reports that are due."""
    async with connection.transaction():
        return [item.report.provider_id for item in await reports.take_parked(connection, 10)]


async def test_applying_moves_sent_messages_and_books_them(store: Store) -> None:
    """Each report moves its message with the provider's time and word, and the campaigns' books follow."""
    mine, other = await make_sent_campaign(store, 3), await make_campaign(store, 2, tenant="other")
    await other.execute("UPDATE message SET state = 'sent', provider_id = 'o' || seq WHERE campaign_id = $1", other.campaign_id)
    async with store.engine() as connection:
        await campaigns.add_counts(connection, *other.key, {"queued": -2, "sent": 2})
        given = [report("m0"), report("m1", "Failure", None, "absent"), report("o1", "Expired"), report("x")]
        assert await reports.apply_reports(connection, given) == 3
    assert await mine.states() == {"delivered": 1, "undelivered": 1, "sent": 1}
    assert await other.states() == {"expired": 1, "sent": 1}
    rows = {row["seq"]: row for row in await mine.fetch("SELECT * FROM message WHERE campaign_id = $1", mine.campaign_id)}
    assert rows[0]["final_at"] == datetime(2023, 11, 14, 22, 13, 20, 123_457, UTC)
    assert (rows[1]["error"], rows[1]["final_at"] is not None) == ("absent", True)


async def test_applying_again_changes_nothing(store: Store) -> None:
    """A final message is moved by no report, and nothing is booked."""
    scene = await make_sent_campaign(store, 1)
    async with store.engine() as connection:
        assert await reports.apply_reports(connection, [report("m0")]) == 1
        assert await reports.apply_reports(connection, [report("m0")]) == 0
        assert await reports.apply_reports(connection, [report("m0", "Failure")]) == 0
        assert await reports.apply_reports(connection, []) == 0
    assert await scene.states() == {"delivered": 1}


async def test_states_are_found_by_provider_id(store: Store) -> None:
    """Each known id has its state; an id that no message has is absent."""
    await make_sent_campaign(store, 2)
    async with store.engine() as connection:
        await reports.apply_reports(connection, [report("m0")])
        found = await reports.find_states(connection, ["m0", "m1", "x"])
    assert found == {"m0": MessageState.DELIVERED, "m1": MessageState.SENT}


async def test_pages_are_taken_once_and_in_order(store: Store) -> None:
    """Open pages are locked oldest first, passed over by others, and gone when finished."""
    async with store.engine() as first, store.engine() as second:
        for n in range(3):
            await reports.insert_page(first, n, bytes([n]))
        async with first.transaction(), second.transaction():
            one = await reports.take_pages(first, 2, 1000)
            two = await reports.take_pages(second, 2, 1000)
            assert [page.body for page in one + two] == [b"\x00", b"\x01", b"\x02"]
            await reports.finish_pages(first, [page.page_id for page in one])
        assert [page.body for page in await reports.take_pages(first, 10, 1000)] == [b"\x02"]
        assert await reports.count_waiting(first) == (2, 0)


async def test_a_parked_report_comes_back_whole(store: Store) -> None:
    """What is parked is given back with every field when it is due, and not before."""
    given = [report("a", error="absent"), report("b", "Failure", None)]
    async with store.engine() as connection:
        await reports.park_reports(connection, given, 3600)
        assert await parked_ids(connection) == []
        await connection.execute("UPDATE parked_report SET next_try_at = now()")
        taken = await reports.take_parked(connection, 10)
        assert [(item.report, item.tries) for item in taken] == [(item, 0) for item in given]
        assert await reports.count_waiting(connection) == (0, 2)


async def test_parked_reports_are_dropped_postponed_or_given_up(store: Store) -> None:
    """One that found its message is gone, one that did not waits again, and one without a next time stays on record."""
    async with store.engine() as connection:
        await reports.park_reports(connection, [report("found"), report("again"), report("enough")], 0)
        found, again, enough = sorted(await reports.take_parked(connection, 10), key=lambda item: item.parked_id)
        await reports.drop_parked(connection, [found.parked_id])
        await reports.postpone_parked(connection, [again.parked_id, enough.parked_id], [-1.0, None])
        assert await parked_ids(connection) == ["again"]
        rows = await connection.fetch("SELECT provider_id, tries FROM parked_report ORDER BY parked_id")
        assert await reports.count_waiting(connection) == (0, 1)
    assert [tuple(row) for row in rows] == [("again", 1), ("enough", 1)]


async def test_parked_reports_are_passed_over_while_others_hold_them(store: Store) -> None:
    """Two processes never try the same parked report at once."""
    async with store.engine() as first, store.engine() as second:
        await reports.park_reports(first, [report("a")], 0)
        async with first.transaction():
            assert len(await reports.take_parked(first, 10)) == 1
            assert await parked_ids(second) == []


async def test_conflicts_are_recorded(store: Store) -> None:
    """A final that came second is kept with all it said."""
    async with store.engine() as connection:
        await reports.record_conflicts(connection, [report("m0", "Failure", None, "absent")])
        (row,) = await connection.fetch("SELECT provider_id, status, at_us, error FROM report_conflict")
    assert tuple(row) == ("m0", "Failure", None, "absent")


async def taken(connection: Connection, most_reports: int, limit: int = 500) -> list[bytes]:
    """Bodies of the pages that a flush of that size takes."""
    return [page.body for page in await reports.take_pages(connection, limit, most_reports)]


async def test_a_flush_takes_no_more_reports_than_its_bound(store: Store) -> None:
    """The oldest pages are taken as long as their reports fit, one page always, however full it is."""
    async with store.engine() as connection:
        for n, size in enumerate([3, 3, 3, 3, 100, 1]):
            await reports.insert_page(connection, size, bytes([n]))
        async with connection.transaction():
            assert await taken(connection, 10) == [b"\x00", b"\x01", b"\x02"]
            assert await taken(connection, 9) == [b"\x00", b"\x01", b"\x02"]
            assert await taken(connection, 1) == [b"\x00"]
            assert await taken(connection, 1000, limit=2) == [b"\x00", b"\x01"]
            first = await reports.take_pages(connection, 4, 1000)
            await reports.finish_pages(connection, [page.page_id for page in first])
            assert await taken(connection, 10) == [b"\x04"]


async def test_pages_that_another_flush_holds_are_passed_over(store: Store) -> None:
    """A second process goes on with the next pages that are not locked, within its own bound."""
    async with store.engine() as first, store.engine() as second:
        for n in range(6):
            await reports.insert_page(first, 2, bytes([n]))
        async with first.transaction(), second.transaction():
            assert await taken(first, 4, limit=2) == [b"\x00", b"\x01"]
            assert await taken(second, 4) == [b"\x02", b"\x03"]


async def test_a_flush_holds_only_the_pages_that_it_takes(store: Store) -> None:
    """What did not fit into one process's flush is there for another one at the same time."""
    async with store.engine() as first, store.engine() as second:
        for n in range(4):
            await reports.insert_page(first, 2, bytes([n]))
        async with first.transaction(), second.transaction():
            assert await taken(first, 4) == [b"\x00", b"\x01"]
            assert await taken(second, 4) == [b"\x02", b"\x03"]


async def test_an_id_of_two_months_counts_once(store: Store) -> None:
    """An id is unique within a month only: both messages move, and the number of ids is what is told."""
    mine = await make_sent_campaign(store, 1)
    await add_twin_of_next_month(mine)
    async with store.engine() as connection:
        assert await reports.apply_reports(connection, [report("m0"), report("x")]) == 1
    assert await mine.column("SELECT count(*) FROM message WHERE state = 'delivered'") == [2]
