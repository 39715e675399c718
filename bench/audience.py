"""Campaigns to send: rows as an upload would store them, put straight into a database."""

import os
import time
from collections.abc import AsyncIterator

import msgspec

from bench import rig
from penstock import _core
from penstock.domain.ids import RANDOM_BYTES, AccountId, CampaignId, TenantId, uuid7
from penstock.domain.keys import Scope, new_key
from penstock.store import accounts, campaigns, keys, tenants, uploads
from penstock.store.migrate import migrate
from penstock.store.pool import Connection, connect

TEXT = "Hello {name}, your order arrives between 10 and 12. Reply STOP to opt out."
FIRST_NUMBER = 4_915_100_000_000
PIECE = 50_000


class Owner(msgspec.Struct, frozen=True):
    """A tenant and the key that opens its routes."""

    tenant_id: TenantId
    key: str


def csv(messages: int, first: int = 0) -> bytes:
    """A file of so many recipients."""
    rows = "".join(f"+{FIRST_NUMBER + seq},Customer {seq}\n" for seq in range(first, first + messages))
    return f"phone,name\n{rows}".encode()


async def in_pieces(body: bytes, size: int = 1 << 20) -> AsyncIterator[bytes]:
    """The body as a client streams it."""
    for start in range(0, len(body), size):
        yield body[start : start + size]


async def stream(messages: int) -> AsyncIterator[bytes]:
    """The same file made while it is sent: ten million recipients are 400 MB."""
    for first in range(0, messages, PIECE):
        body = csv(min(PIECE, messages - first), first)
        yield body if first == 0 else body.partition(b"\n")[2]


async def prepare(dsn: str, name: str = "bench") -> Owner:
    """Migrate the database if need be and make a tenant in it."""
    connection = await connect(dsn)
    try:
        await migrate(connection, "mock")
        await accounts.ensure_account(connection, AccountId(rig.ACCOUNT))
        tenant_id = await tenants.create_tenant(connection, name)
        assert tenant_id is not None
        key = new_key(os.urandom(32))
        await keys.create_key(connection, tenant_id, key, name, scopes=frozenset(Scope))
    finally:
        await connection.close()
    return Owner(tenant_id, key.text)


async def store_campaign(
    dsn: str, tenant_id: TenantId, messages: int, *, is_last: bool = True, chunk_bytes: int = 1_000_000
) -> CampaignId:
    """One campaign with all its recipients, still a draft; after the last one the tables are vacuumed and analysed.

    `chunk_bytes`: of the bodies that its batches become, without references.
    """
    campaign_id = CampaignId(uuid7(int(time.time() * 1000), os.urandom(RANDOM_BYTES)))  # noqa: TID251 - a bench has no clock
    connection = await connect(dsn)
    try:
        new = campaigns.NewCampaign(
            tenant_id=tenant_id, campaign_id=campaign_id, name="bench", text=TEXT, sender=rig.SENDER,
            account_id=AccountId(rig.ACCOUNT),
        )  # fmt: skip
        await campaigns.create_campaign(connection, new)
        parser = _core.RecipientParser(
            "csv", _core.Template(TEXT), traffic_account_id=rig.ACCOUNT, sender=rig.SENDER, chunk_bytes=chunk_bytes
        )
        async for piece in stream(messages):
            await _store(connection, new, parser.feed(piece))
        await _store(connection, new, parser.finish())
        if is_last:
            await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
    return campaign_id


async def _store(connection: Connection, new: campaigns.NewCampaign, chunks: list[_core.Chunk]) -> None:
    for chunk in chunks:
        async with connection.transaction():
            assert await uploads.insert_chunk(connection, new.tenant_id, new.campaign_id, chunk)
            counts = {"received": chunk.rows, "queued": chunk.messages}
            await campaigns.add_counts(connection, new.tenant_id, new.campaign_id, counts)
