"""Single messages for tests: stored as the API stores them, without the API."""

import json
from collections.abc import Iterable, Sequence

from penstock.domain.errors import GatewayError
from penstock.domain.ids import TenantId
from penstock.domain.single import Placed, Single
from penstock.ingest.placing import lanes_of, place_messages
from penstock.store.pool import Store
from tests.builders import ACCOUNT, SENDER, Rig, Scene, ensure_tenant, new_id, number


def single(i: int, text: str = "Hello", **fields: object) -> Single:
    """A message to the i-th synthetic number."""
    values = {"account_id": ACCOUNT, "sender": SENDER, "segments": 1, **fields}
    return Single(number=number(i), text=text, **values)  # type: ignore[arg-type]


async def tenant_of(store: Store, name: str = "acme") -> TenantId:
    """The tenant of that name."""
    async with store.engine() as connection:
        return await ensure_tenant(connection, name)


async def place(store: Store, *messages: Single, tenant: str = "acme") -> list[Placed | GatewayError]:
    """Store messages in one transaction."""
    tenant_id = await tenant_of(store, tenant)
    async with store.tenant(tenant_id) as connection, connection.transaction():
        return await place_messages(connection, tenant_id, messages, new_id)


async def place_all(store: Store, groups: Iterable[Sequence[Single]], tenant: str = "acme") -> Scene:
    """Store each group in a transaction of its own; all of them in one rolling campaign, whose scene this is."""
    campaigns = set()
    for group in groups:
        for placed in await place(store, *group, tenant=tenant):
            assert isinstance(placed, Placed)
            campaigns.add(placed.campaign_id)
    (campaign_id,) = campaigns
    return Scene(store, await tenant_of(store, tenant), campaign_id)


async def place_and_announce(store: Store, rig: Rig, *messages: Single, tenant: str = "acme") -> None:
    """As the API does: store, commit, tell the senders."""
    results = await place(store, *messages, tenant=tenant)
    for lane in lanes_of(await tenant_of(store, tenant), messages, results):
        rig.chooser.announce(lane)


def texts(body: bytes) -> list[tuple[str, str]]:
    """Number and text of each message of a request."""
    return [(item["destination"], item["sms"]["text"]) for item in json.loads(body)["messages"]]
