"""A tenant is deactivated while it uploads: the upload stops at its next chunk, keeps what it has, and is continued later."""

from collections.abc import AsyncIterator

from tests.api.conftest import CHUNK, Answer, Api, rows
from tests.api.test_bad_input import check_problem
from tests.e2e.evidence import wait_until

BODY = rows(10 * CHUNK)
PARTS = 8


async def stored(api: Api) -> int:
    """Messages of all campaigns."""
    async with api.parts.store.engine() as connection:
        count: int = await connection.fetchval("SELECT count(*) FROM message")
        return count


async def upload_and_stop(api: Api, operator: Api, campaign: str) -> Answer:
    """Send the body in parts, and have the tenant deactivated when the first chunks are stored."""

    async def body() -> AsyncIterator[bytes]:
        step = len(BODY) // PARTS
        yield BODY[: 4 * step]
        await wait_until(lambda: stored(api), "a chunk is stored")
        assert (await operator.call("POST", f"/admin/v1/tenants/{api.tenant_id}/deactivate")).status == 200
        yield BODY[4 * step :]

    return await api.upload(campaign, body(), upload_id="one")


async def test_an_upload_stops_and_is_continued(api: Api, operator: Api) -> None:
    """It is refused with the place where it stopped; after activation the same body completes it, each number once."""
    campaign = await api.create()
    stopped = await upload_and_stop(api, operator, campaign)
    check_problem(stopped, 403, "not_allowed")
    kept = await stored(api)
    assert 0 < kept < 10 * CHUNK
    assert stopped.json["upload"]["rows"] == kept
    check_problem(await api.upload(campaign, BODY, upload_id="one"), 401, "unauthenticated")
    await operator.call("POST", f"/admin/v1/tenants/{api.tenant_id}/activate")
    finished = await api.upload(campaign, BODY, upload_id="one")
    assert (finished.status, finished.json["accepted"]) == (200, 10 * CHUNK), finished.body
    numbers = await api.numbers(campaign)
    assert len(numbers) == len(set(numbers)) == 10 * CHUNK
