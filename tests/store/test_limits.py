import pytest

from penstock.store import accounts, limits, tenants
from penstock.store.pool import Store
from tests.builders import ACCOUNT, make_draft


async def test_only_what_differs_is_listed(store: Store) -> None:
    """Accounts and tenants without limits of their own are not read; a limit that is taken back is gone."""
    one, other = await make_draft(store, tenant="one"), await make_draft(store, tenant="other")
    async with store.engine() as connection:
        assert await limits.list_account_limits(connection) == []
        assert await limits.list_tenant_limits(connection) == []
        account = await accounts.lock_account(connection, ACCOUNT)
        assert account is not None
        await connection.execute("UPDATE account SET segments_per_s = 7")
        await tenants.change_settings(connection, one.tenant_id, {"requests_max": 20})
        await tenants.change_settings(connection, other.tenant_id, {"sender": "Shop"})
        assert await limits.list_account_limits(connection) == [limits.AccountLimit(ACCOUNT, None, 7)]
        assert await limits.list_tenant_limits(connection) == [limits.TenantLimit(one.tenant_id, 20)]
        await accounts.change_account(connection, account)
        await tenants.change_settings(connection, one.tenant_id, {"requests_max": None})
        assert await limits.list_account_limits(connection) == []
        assert await limits.list_tenant_limits(connection) == []


@pytest.mark.parametrize(("is_rolling", "state"), [(True, "sending"), (True, "completed"), (False, "sending")])
async def test_single_messages_are_noticed(store: Store, is_rolling: bool, state: str) -> None:  # noqa: FBT001 - a case
    """While a rolling campaign is open, single messages are sent here."""
    draft = await make_draft(store)
    await draft.execute("UPDATE campaign SET is_rolling = $1, state = $2::text::campaign_state", is_rolling, state)
    async with store.engine() as connection:
        assert await limits.has_singles(connection) == (is_rolling and state == "sending")


@pytest.mark.parametrize(("days_ago", "has_singles"), [(0, True), (1, True), (2, False)])
async def test_single_messages_are_expected_for_a_day(store: Store, days_ago: int, has_singles: bool) -> None:  # noqa: FBT001
    """Where some were sent yesterday there is room for today's first, though its campaign is not open yet."""
    draft = await make_draft(store)
    await draft.execute(
        "INSERT INTO rolling_campaign (tenant_id, day, account_id, sender, is_later, campaign_id) "
        "VALUES ($1, (now() AT TIME ZONE 'UTC')::date - $2::int4, $3, 's', false, $4)",
        draft.tenant_id, days_ago, ACCOUNT, draft.campaign_id,
    )  # fmt: skip
    async with store.engine() as connection:
        assert await limits.has_singles(connection) == has_singles
