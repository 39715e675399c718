"""Questions to the provider about single messages: one queue, whatever they are for."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from msgspec import Struct

from penstock.domain.ids import AttemptId
from penstock.domain.look_up import LookUpKind, Result
from penstock.store.pool import Connection
from penstock.store.queries import query, row_count

QUEUE_REPORTS = query("look_ups.queue_reports")
QUEUE_HINTS = query("look_ups.queue_hints")
QUEUE_MESSAGES = query("look_ups.queue_messages")
TAKE_DUE = query("look_ups.take_due")
ANSWER = query("look_ups.answer")
POSTPONE = query("look_ups.postpone")
DROP_WAITING = query("look_ups.drop_waiting")
DROP_ANSWERED = query("look_ups.drop_answered")
COUNT_WAITING = query("look_ups.count_waiting")
ARE_REPORTS_WAITING = query("look_ups.are_reports_waiting")
IS_EVIDENCE_WAITING = query("look_ups.is_evidence_waiting")

Ids = tuple[str, str]
"""From the first id to before the second."""


class LookUp(Struct, frozen=True, kw_only=True):
    """One question."""

    look_up_id: int
    kind: LookUpKind
    provider_id: str
    attempt_id: AttemptId | None
    """Whose answer, or whose message, it is about; of a report only the id is known."""
    seq: int | None
    tries: int


async def queue_reports(connection: Connection, ids: Ids, *, waited: timedelta, since: datetime, limit: int) -> int:
    """Ask about parked reports of that time; how many questions that made."""
    return row_count(await connection.execute(QUEUE_REPORTS, *ids, waited, since, limit))


async def queue_hints(connection: Connection, attempt_id: AttemptId, after: timedelta, limit: int) -> int:
    """Ask about the ids that could be read in the answer to an attempt; how many questions that made."""
    return row_count(await connection.execute(QUEUE_HINTS, attempt_id, after, limit))


async def queue_messages(
    connection: Connection, kind: LookUpKind, attempt_id: AttemptId, messages: Sequence[tuple[int, str]], after: timedelta
) -> None:
    """Ask about messages of an attempt, given as sequence number and provider id."""
    seqs, ids = [seq for seq, _ in messages], [provider_id for _, provider_id in messages]
    await connection.execute(QUEUE_MESSAGES, kind.value, attempt_id, ids, seqs, after)


async def take_due(connection: Connection, limit: int) -> list[LookUp]:
    """The most urgent questions whose time has come."""
    return [LookUp(**{**row, "kind": LookUpKind(row["kind"])}) for row in await connection.fetch(TAKE_DUE, limit)]


async def answer(connection: Connection, look_up: LookUp, result: Result) -> None:
    """It needs no further question."""
    await connection.execute(ANSWER, look_up.look_up_id, result.value)


async def postpone(connection: Connection, look_up: LookUp, delay_s: float) -> None:
    """Ask again later."""
    await connection.execute(POSTPONE, look_up.look_up_id, timedelta(seconds=delay_s))


async def drop_waiting(connection: Connection, kind: LookUpKind, attempt_ids: Sequence[AttemptId]) -> None:
    """Ask no more about these attempts: what it was for is known."""
    await connection.execute(DROP_WAITING, kind.value, attempt_ids)


async def drop_answered(connection: Connection, age: timedelta, limit: int) -> int:
    """Forget old answers; how many."""
    return row_count(await connection.execute(DROP_ANSWERED, age, limit))


async def count_waiting(connection: Connection) -> dict[LookUpKind, int]:
    """How many questions of each kind wait."""
    counts = {LookUpKind(row["kind"]): row["n"] for row in await connection.fetch(COUNT_WAITING)}
    return {kind: counts.get(kind, 0) for kind in LookUpKind}


async def are_reports_waiting(connection: Connection, attempt_id: AttemptId) -> bool:
    """Whether reports that came in time to speak of the attempt are stored and not applied."""
    waiting: bool = await connection.fetchval(ARE_REPORTS_WAITING, attempt_id)
    return waiting


async def is_evidence_waiting(connection: Connection, ids: Ids, attempt_id: AttemptId) -> bool:
    """Whether something that may speak of the attempt is not looked at yet."""
    waiting: bool = await connection.fetchval(IS_EVIDENCE_WAITING, *ids, attempt_id)
    return waiting
