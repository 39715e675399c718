"""Requests that were answered, kept so that a repetition is answered alike."""

from collections.abc import Mapping, Sequence
from datetime import timedelta

import asyncpg
import msgspec
from msgspec import Struct

from penstock.domain.errors import InProgressError
from penstock.domain.ids import TenantId
from penstock.store.pool import Connection
from penstock.store.queries import query, row_count

CLAIM_KEY = query("idempotency.claim_key")
STORE_ANSWER = query("idempotency.store_answer")
FIND_ANSWER = query("idempotency.find_answer")
CLAIM_KEYS = query("idempotency.claim_keys")
DROP_EXPIRED_KEYS = query("idempotency.drop_expired_keys")


class RequestKey(Struct, frozen=True):
    """Which request of which tenant this is. Two tenants, or two routes, never share one."""

    tenant_id: TenantId
    route: str
    """Method and path template."""
    key: str
    fingerprint: bytes
    """32 bytes: what was asked for."""
    variant: bytes = b""
    """The fingerprint again where the tenant lets the same key with another body be another request, else empty."""


class StoredAnswer(Struct, frozen=True):
    """An answer as it left, byte for byte."""

    status: int
    headers: dict[str, str]
    body: bytes


class Known(Struct, frozen=True):
    """An answer and what it was the answer to."""

    fingerprint: bytes
    answer: StoredAnswer


async def claim_key(connection: Connection, request: RequestKey, kept: timedelta) -> bool:
    """Whether the key is now this transaction's. Waits for a parallel holder; InProgressError when that takes too long."""
    values = (request.tenant_id, request.route, request.key, request.variant, request.fingerprint, kept)
    try:
        return await connection.fetchval(CLAIM_KEY, *values) is not None
    except asyncpg.LockNotAvailableError as error:
        raise InProgressError("The same request is still being answered: repeat it in a moment.") from error


async def store_answer(connection: Connection, request: RequestKey, answer: StoredAnswer) -> None:
    """Complete the row that this transaction claimed."""
    await connection.execute(STORE_ANSWER, *_row(request, answer))


async def claim_keys(
    connection: Connection, tenant_id: TenantId, requests: Sequence[RequestKey], kept: timedelta
) -> set[RequestKey]:
    """Those of a tenant's requests whose keys are now this transaction's. Raises InProgressError as claim_key does."""
    if not requests:
        return set()
    columns = [[request.route for request in requests], [request.key for request in requests]]
    marks = [[request.variant for request in requests], [request.fingerprint for request in requests]]
    try:
        rows = await connection.fetch(CLAIM_KEYS, tenant_id, *columns, *marks, kept)
    except asyncpg.LockNotAvailableError as error:
        raise InProgressError("The same request is still being answered: repeat it in a moment.") from error
    claimed = {(row["route"], row["key"], row["variant"]) for row in rows}
    return {request for request in requests if (request.route, request.key, request.variant) in claimed}


async def store_answers(connection: Connection, answers: Mapping[RequestKey, StoredAnswer]) -> None:
    """Complete rows that this transaction claimed, all in one round trip."""
    if answers:
        await connection.executemany(STORE_ANSWER, [_row(request, answer) for request, answer in answers.items()])


def _row(request: RequestKey, answer: StoredAnswer) -> tuple[object, ...]:
    headers = msgspec.json.encode(answer.headers).decode()
    return (request.tenant_id, request.route, request.key, request.variant, answer.status, headers, answer.body)


async def find_answer(connection: Connection, request: RequestKey) -> Known | None:
    """What the key was answered with."""
    row = await connection.fetchrow(FIND_ANSWER, request.tenant_id, request.route, request.key, request.variant)
    if row is None:
        return None
    headers = msgspec.json.decode(row["headers"], type=dict[str, str])
    return Known(row["fingerprint"], StoredAnswer(row["status"], headers, row["body"]))


async def drop_expired_keys(connection: Connection, limit: int) -> int:
    """How many were dropped; repeat until it is less than `limit`."""
    return row_count(await connection.execute(DROP_EXPIRED_KEYS, limit))
