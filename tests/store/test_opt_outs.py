import struct

from penstock import _core
from penstock.store import opt_outs
from penstock.store.pool import Connection, Store
from tests.builders import ACCOUNT, SENDER, TEXT, ensure_tenant, number, recipients_csv

from penstock.domain.ids import TenantId  # isort: skip


async def two_tenants(connection: Connection) -> tuple[TenantId, TenantId]:
    """Two tenants."""
    return await ensure_tenant(connection, "acme"), await ensure_tenant(connection, "other")


async def test_numbers_are_added_once(store: Store) -> None:
    """Repeats within a call and over calls are no news."""
    async with store.engine() as connection:
        tenant, _ = await two_tenants(connection)
        added = [
            await opt_outs.add_opt_outs(connection, tenant, numbers, "api")
            for numbers in ([number(2), number(1), number(2)], [number(1), number(3)], [])
        ]
        listed = await opt_outs.list_opt_outs(connection, tenant, 0, 10)
    assert added == [2, 1, 0]
    assert [item.msisdn for item in listed] == [number(1), number(2), number(3)]


async def test_pages_follow_the_number(store: Store) -> None:
    """A page holds the next numbers after the one given, in order."""
    async with store.engine() as connection:
        tenant, _ = await two_tenants(connection)
        await opt_outs.add_opt_outs(connection, tenant, [number(i) for i in range(5)], "api")
        page = await opt_outs.list_opt_outs(connection, tenant, number(1), 2)
    assert [(item.msisdn, item.source) for item in page] == [(number(2), "api"), (number(3), "api")]


async def test_numbers_are_removed(store: Store) -> None:
    """Removing says what was there, and a second time that nothing was."""
    async with store.engine() as connection:
        tenant, _ = await two_tenants(connection)
        await opt_outs.add_opt_outs(connection, tenant, [number(i) for i in range(5)], "api")
        assert [await opt_outs.remove_opt_outs(connection, tenant, [number(0)]) for _ in range(2)] == [1, 0]
        assert await opt_outs.remove_opt_outs(connection, tenant, [number(i) for i in range(3)]) == 2
        assert len(await opt_outs.list_opt_outs(connection, tenant, 0, 10)) == 2


async def test_tenants_do_not_see_each_other(store: Store) -> None:
    """One tenant's opt-outs are neither listed for, nor removed by, another."""
    async with store.engine() as connection:
        tenant, other = await two_tenants(connection)
        await opt_outs.add_opt_outs(connection, tenant, [number(1)], "api")
        assert await opt_outs.list_opt_outs(connection, other, 0, 10) == []
        assert await opt_outs.pack_opt_outs(connection, other) == b""
        assert await opt_outs.remove_opt_outs(connection, other, [number(1)]) == 0
        assert await opt_outs.remove_opt_outs(connection, tenant, [number(1)]) == 1


async def test_packed_numbers_are_what_the_parser_takes(store: Store) -> None:
    """The packed form is big-endian int64, and the parser skips exactly those rows."""
    async with store.engine() as connection:
        tenant, _ = await two_tenants(connection)
        await opt_outs.add_opt_outs(connection, tenant, [number(1), number(3)], "api")
        packed = await opt_outs.pack_opt_outs(connection, tenant)
    assert sorted(struct.unpack(">2q", packed)) == [number(1), number(3)]
    parser = _core.RecipientParser("csv", _core.Template(TEXT), traffic_account_id=ACCOUNT, sender=SENDER)
    parser.exclude(packed)
    (chunk,) = parser.feed(recipients_csv(5)) + parser.finish()
    assert (chunk.messages, chunk.skipped) == (3, {"opted_out": 2})
