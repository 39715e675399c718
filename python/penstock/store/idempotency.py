"""Requests that were answered, kept so that a repetition is answered alike."""

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
    headers = msgspec.json.encode(answer.headers).decode()
    await connection.execute(
        STORE_ANSWER, request.tenant_id, request.route, request.key, request.variant, answer.status, headers, answer.body
    )


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
