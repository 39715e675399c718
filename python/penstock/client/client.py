"""The calls, one method each. What cannot take effect twice is repeated when the gateway is busy or the connection breaks.

Uploads may last as long as they take; everything else ends within a deadline.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Final, Self, TypeVar
from urllib.parse import urlencode
from uuid import uuid4

import aiohttp
import msgspec

from penstock.client import models
from penstock.client.body import OnProgress, Source, pieces
from penstock.client.errors import ProblemError, read_problem
from penstock.client.retry import Retries, is_worth_repeating, may_be_repeated

Answer = TypeVar("Answer")

CALL: Final = aiohttp.ClientTimeout(total=60, sock_connect=10)
STREAM: Final = aiohttp.ClientTimeout(total=None, sock_connect=10, sock_read=300)
"""For bodies of any length: no bound on the whole, but on silence."""

FIRST_ERROR: Final = 400
DEFAULT_RETRIES: Final = Retries()


class Client:
    """A gateway, as the owner of one API key sees it. Use as `async with Client(url, key) as client`."""

    def __init__(self, url: str, api_key: str, *, retries: Retries = DEFAULT_RETRIES) -> None:
        self._url = url.rstrip("/")
        self._retries = retries
        self._session = aiohttp.ClientSession(headers={"Authorization": f"Bearer {api_key}"}, timeout=CALL)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """End every connection."""
        await self._session.close()

    async def create_campaign(self, name: str, text: str, *, key: str | None = None, **options: object) -> models.Campaign:
        """Create a draft; `options` are the other fields of the request (`sender` stands for `from`)."""
        body = {"name": name, "text": text, **{"from" if name == "sender" else name: value for name, value in options.items()}}
        return await self._call("POST", "/v1/campaigns", models.Campaign, body, key or str(uuid4()))

    async def get_campaign(self, campaign_id: str) -> models.Campaign:
        """Read a campaign as it stands."""
        return await self._call("GET", f"/v1/campaigns/{campaign_id}", models.Campaign)

    async def upload(  # noqa: PLR0913 - each is one part of the request that a caller may name
        self, campaign_id: str, source: Source, content_type: str, *, upload_id: str | None = None,
        phone_column: str | None = None, zone_column: str | None = None, is_gzip: bool = False,
        on_progress: OnProgress | None = None,
    ) -> models.UploadResult:  # fmt: skip
        """Stream recipients from a file or an iterator. With an `upload_id` the same call again continues a broken one."""
        headers = {"Content-Type": content_type}
        if upload_id is not None:
            headers["Upload-Id"] = upload_id
        if is_gzip:
            headers["Content-Encoding"] = "gzip"
        columns = {"phone_column": phone_column, "zone_column": zone_column}
        query = {name: column for name, column in columns.items() if column is not None}
        path = f"/v1/campaigns/{campaign_id}/recipients"
        data = pieces(source, on_progress)
        async with self._open("POST", path, data=data, headers=headers, params=query, timeout=STREAM) as response:
            return msgspec.json.decode(await response.read(), type=models.UploadResult)

    async def discard_recipients(self, campaign_id: str) -> None:
        """Empty a draft."""
        async with self._open("DELETE", f"/v1/campaigns/{campaign_id}/recipients"):
            pass

    async def send(self, campaign_id: str, *, expect_recipients: int | None = None, key: str | None = None) -> models.Campaign:
        """Start sending, once. The same `key` again is answered alike; without one, each call is a request of its own."""
        body = {} if expect_recipients is None else {"expect_recipients": expect_recipients}
        return await self._call("POST", f"/v1/campaigns/{campaign_id}/send", models.Campaign, body, key or str(uuid4()))

    async def pause(self, campaign_id: str, *, reason: str | None = None) -> models.Campaign:
        """Send nothing more until it is resumed."""
        body = {} if reason is None else {"reason": reason}
        return await self._call("POST", f"/v1/campaigns/{campaign_id}/pause", models.Campaign, body, str(uuid4()))

    async def resume(self, campaign_id: str) -> models.Campaign:
        """Go on where it was paused."""
        return await self._call("POST", f"/v1/campaigns/{campaign_id}/resume", models.Campaign, None, str(uuid4()))

    async def cancel(self, campaign_id: str) -> models.Canceled:
        """Send nothing more, for good."""
        return await self._call("POST", f"/v1/campaigns/{campaign_id}/cancel", models.Canceled, None, str(uuid4()))

    async def quote(self, campaign_id: str) -> models.Quote:
        """What sending would come to, and what stands in its way."""
        return await self._call("POST", f"/v1/campaigns/{campaign_id}/quote", models.Quote)

    async def retry_failed(self, campaign_id: str, *, send: bool = False) -> models.Retry:
        """Try again what is proven unsent; the new campaign, where one is needed, is a draft unless `send` is set."""
        path = f"/v1/campaigns/{campaign_id}/retry-failed"
        return await self._call("POST", path, models.Retry, {"send": send}, str(uuid4()))

    def campaigns(self, **filters: str) -> AsyncIterator[models.CampaignSummary]:
        """Every campaign, newest first, or those that `state`, `name`, `created_after` and `created_before` say."""
        query = urlencode({"limit": "1000", **filters})
        return self._items(f"/v1/campaigns?{query}", models.Page[models.CampaignSummary])

    def messages(self, campaign_id: str, *, state: str | None = None) -> AsyncIterator[models.Message]:
        """Every message, or those in one state."""
        query = "" if state is None else f"&state={state}"
        return self._items(f"/v1/campaigns/{campaign_id}/messages?limit=1000{query}", models.Page[models.Message])

    def skipped(self, campaign_id: str) -> AsyncIterator[models.SkippedRow]:
        """Every row that did not become a message."""
        return self._items(f"/v1/campaigns/{campaign_id}/skipped?limit=1000", models.Page[models.SkippedRow])

    async def report(self, campaign_id: str, *, form: str = "csv") -> AsyncIterator[bytes]:
        """Stream the report as it comes, in `csv` or `ndjson`."""
        path = f"/v1/campaigns/{campaign_id}/report"
        async with self._open("GET", path, params={"format": form}, timeout=STREAM) as response:
            async for piece in response.content.iter_any():
                yield piece

    def opt_outs(self) -> AsyncIterator[models.OptOut]:
        """Every number that is not written to."""
        return self._items("/v1/opt-outs?limit=1000", models.Page[models.OptOut])

    async def add_opt_outs(self, numbers: Sequence[str]) -> int:
        """Opt numbers out; return how many were new."""
        added: dict[str, int] = await self._call("POST", "/v1/opt-outs", dict[str, int], {"numbers": list(numbers)})
        return added["added"]

    async def remove_opt_outs(self, numbers: Sequence[str]) -> int:
        """Opt numbers in again; return how many were there."""
        removed: dict[str, int] = await self._call("DELETE", "/v1/opt-outs", dict[str, int], {"numbers": list(numbers)})
        return removed["removed"]

    async def _items(self, path: str | None, kind: type[models.Page[Answer]]) -> AsyncIterator[Answer]:
        while path is not None:
            page = await self._call("GET", path, kind)
            for item in page.items:
                yield item
            path = page.next

    async def _call(
        self, method: str, path: str, kind: type[Answer], body: Mapping[str, object] | None = None, key: str | None = None
    ) -> Answer:
        headers = {} if key is None else {"Idempotency-Key": key}
        data = None if body is None else msgspec.json.encode(body)
        if data is not None:
            headers["Content-Type"] = "application/json"
        return msgspec.json.decode(await self._repeat(method, path, data, headers), type=kind)

    async def _repeat(self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]) -> bytes:
        """The answer's body, at the first try that does not fail or at the last one that is allowed."""
        times = self._retries.times if may_be_repeated(method, headers) else 0
        for tried in range(1, times + 1):
            try:
                return await self._read(method, path, data, headers)
            except (ProblemError, aiohttp.ClientError, TimeoutError) as error:
                if not is_worth_repeating(error):
                    raise
                named = error.retry_after if isinstance(error, ProblemError) else None
            await asyncio.sleep(self._retries.pause_s(tried, named, random.random()))  # noqa: S311 - spreads clients
        return await self._read(method, path, data, headers)

    async def _read(self, method: str, path: str, data: bytes | None, headers: Mapping[str, str]) -> bytes:
        async with self._open(method, path, data=data, headers=headers) as response:
            return await response.read()

    @asynccontextmanager
    async def _open(self, method: str, path: str, **sent: Any) -> AsyncIterator[aiohttp.ClientResponse]:  # noqa: ANN401
        """One request. Raises ProblemError for every answer that is not a success."""
        async with self._session.request(method, self._url + path, **sent) as response:
            if response.status >= FIRST_ERROR:
                raise read_problem(response.status, await response.read(), response.headers)
            yield response
