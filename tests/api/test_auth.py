"""Keys: believed for a second, then looked up again."""

from datetime import UTC, datetime

import msgspec
import pytest

from penstock.api import auth
from penstock.api.auth import Authenticator
from penstock.api.parts import Parts
from penstock.store import keys, tenants
from tests.api.conftest import KEY, Api, known_key


class SteppedClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def now(self) -> datetime:
        """Return some instant."""
        return datetime.fromtimestamp(self.seconds, UTC)

    def monotonic(self) -> float:
        """Return the seconds set."""
        return self.seconds


@pytest.fixture
def clock() -> SteppedClock:
    """The authenticator's clock."""
    return SteppedClock()


@pytest.fixture
def parts(parts: Parts, clock: SteppedClock) -> Parts:
    """The same surroundings with an authenticator on that clock."""
    return msgspec.structs.replace(parts, authenticator=Authenticator(parts.store, clock))


async def revoke(api: Api) -> None:
    """Close the first tenant's key."""
    async with api.parts.store.engine() as connection:
        (key,) = await keys.list_keys(connection, api.tenant_id)
        assert await keys.revoke_key(connection, api.tenant_id, key.key_id)


async def test_revoked_key_closes_within_a_second(api: Api, clock: SteppedClock) -> None:
    """A key is believed for its second and no longer."""
    assert (await api.call("GET", "/v1/campaigns")).status == 200
    await revoke(api)
    clock.seconds += auth.REMEMBERED_S - 0.1
    assert (await api.call("GET", "/v1/campaigns")).status == 200
    clock.seconds += 0.2
    assert (await api.call("GET", "/v1/campaigns")).status == 401


async def test_memory_of_keys_is_bounded(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest key is forgotten first; it is only looked up again."""
    monkeypatch.setattr(auth, "REMEMBERED_KEYS", 1)
    second = "pk_second_0123456789abcdef"
    async with api.parts.store.engine() as connection:
        await keys.create_key(connection, api.tenant_id, known_key(second), "")
    assert (await api.call("GET", "/v1/campaigns")).status == 200
    assert (await api.call("GET", "/v1/campaigns", headers={"Authorization": f"bearer {second}"})).status == 200
    await revoke_only(api, KEY)
    assert (await api.call("GET", "/v1/campaigns")).status == 401


async def revoke_only(api: Api, key: str) -> None:
    """Close one of several keys."""
    async with api.parts.store.engine() as connection:
        for known in await keys.list_keys(connection, api.tenant_id):
            if known.prefix == key[:9]:
                await keys.revoke_key(connection, api.tenant_id, known.key_id)


async def make_ending_key(api: Api, seconds: float) -> str:
    """A key of the first tenant that ends in so many seconds by the database's clock."""
    text = "pk_ending_0123456789abcdef"
    async with api.parts.store.engine() as connection:
        end = await connection.fetchval("SELECT now() + make_interval(secs => $1)", seconds)
        await keys.create_key(connection, api.tenant_id, known_key(text), "", expires_at=end)
    return text


async def test_a_key_ends_inside_its_remembered_time(api: Api, clock: SteppedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is believed for a while is not believed past its end, when that comes first."""
    monkeypatch.setattr(auth, "REMEMBERED_S", 1000.0)  # longer than any machine is slow
    bearer = {"Authorization": f"Bearer {await make_ending_key(api, 300)}"}
    assert (await api.call("GET", "/v1/campaigns", headers=bearer)).status == 200
    async with api.parts.store.engine() as connection:
        await connection.execute("UPDATE api_key SET expires_at = now()")
    clock.seconds += 100
    assert (await api.call("GET", "/v1/campaigns", headers=bearer)).status == 200
    clock.seconds += 201
    assert (await api.call("GET", "/v1/campaigns", headers=bearer)).status == 401


async def test_a_key_with_a_distant_end_is_remembered_for_a_second(api: Api, clock: SteppedClock) -> None:
    """An end that is far away changes nothing."""
    bearer = {"Authorization": f"Bearer {await make_ending_key(api, 3600)}"}
    assert (await api.call("GET", "/v1/campaigns", headers=bearer)).status == 200
    async with api.parts.store.engine() as connection:
        await connection.execute("UPDATE api_key SET expires_at = now()")
    clock.seconds += auth.REMEMBERED_S - 0.1
    assert (await api.call("GET", "/v1/campaigns", headers=bearer)).status == 200
    clock.seconds += 0.2
    assert (await api.call("GET", "/v1/campaigns", headers=bearer)).status == 401


async def test_a_deactivated_tenants_keys_close_within_a_second(api: Api, other: Api, clock: SteppedClock) -> None:
    """All keys of the tenant, and of no other; they open again when it is activated."""
    assert [(await one.call("GET", "/v1/campaigns")).status for one in (api, other)] == [200, 200]
    async with api.parts.store.engine() as connection:
        await tenants.deactivate_tenant(connection, api.tenant_id)
    clock.seconds += auth.REMEMBERED_S + 0.1
    assert [(await one.call("GET", "/v1/campaigns")).status for one in (api, other)] == [401, 200]
    async with api.parts.store.engine() as connection:
        await tenants.activate_tenant(connection, api.tenant_id)
    assert (await api.call("GET", "/v1/campaigns")).status == 200


async def test_use_is_recorded_once_a_minute(api: Api, clock: SteppedClock) -> None:
    """The first use is written down, and the next after a minute; what lies between costs no write."""
    statement = "SELECT last_used_at FROM api_key"
    async with api.parts.store.engine() as connection:
        assert await connection.fetchval(statement) is None
        await api.call("GET", "/v1/campaigns")
        first = await connection.fetchval(statement)
        clock.seconds += auth.REMEMBERED_S + 0.1
        await api.call("GET", "/v1/campaigns")
        assert await connection.fetchval(statement) == first
        await connection.execute("UPDATE api_key SET last_used_at = now() - interval '61 seconds'")
        clock.seconds += auth.REMEMBERED_S + 0.1
        await api.call("GET", "/v1/campaigns")
        assert await connection.fetchval("SELECT last_used_at > now() - interval '30 seconds' FROM api_key")
