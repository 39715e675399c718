import asyncpg
import pytest

from penstock.domain.audit import ADMIN, Act, Action
from penstock.domain.ids import TenantId
from penstock.store import audit, tenants
from penstock.store.pool import Store

ACT = Act(actor=ADMIN, action=Action.TENANT_CREATE, tenant_id=None, subject="tenant:1", detail={"changed": ["sender"]})


@pytest.mark.parametrize(
    "change", ["UPDATE audit SET actor = 'x'", "DELETE FROM audit", "TRUNCATE audit", "TRUNCATE audit CASCADE"]
)
async def test_the_record_is_only_added_to(store: Store, change: str) -> None:
    """Not even the owner of the table changes, removes or empties it by a statement, and a statement without rows fails too."""
    async with store.engine() as connection:
        with pytest.raises(asyncpg.RaiseError, match="only added to"):
            await connection.execute(change)
        await audit.record_act(connection, ACT)
        with pytest.raises(asyncpg.RaiseError, match="only added to"):
            await connection.execute(change)
        assert [(act.subject, act.detail) for act in await audit.list_acts(connection, audit.AFTER_LAST, 10)] == [
            ("tenant:1", {"changed": ["sender"]})
        ]


async def test_the_record_stands_or_falls_with_the_act(store: Store) -> None:
    """An act that is undone is not on record."""
    async with store.engine() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await audit.record_act(connection, ACT)
        await transaction.rollback()
        assert await audit.list_acts(connection, audit.AFTER_LAST, 10) == []


async def test_a_caller_writes_for_its_own_tenant_only(store: Store) -> None:
    """Under the second wall a caller adds a row about its own tenant, none about another or about nobody, and reads none."""
    async with store.engine() as connection:
        own = await tenants.create_tenant(connection, "acme")
        assert own is not None
    for tenant_id in (TenantId(own + 1), None):
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="row-level security"):
            async with store.tenant(own) as connection:
                await audit.record_act(
                    connection, Act(actor="key:1", action=Action.KEY_CREATE, tenant_id=tenant_id, subject="key:2")
                )
    async with store.tenant(own) as connection:
        await audit.record_act(connection, Act(actor="key:1", action=Action.KEY_CREATE, tenant_id=own, subject="key:2"))
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await audit.list_acts(connection, audit.AFTER_LAST, 10)
