"""The report of a campaign: every message, streamed as CSV or NDJSON in pages, whatever its size.

Not a snapshot: each page is read when its turn comes, so messages may move while the report runs; each appears once.
"""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, Literal

from aiohttp import web

from penstock.api import queries
from penstock.api.answers import json_line, rfc3339
from penstock.api.auth import Caller
from penstock.api.campaigns import find
from penstock.api.parts import PARTS
from penstock.api.views import number
from penstock.domain.errors import InvalidValueError
from penstock.domain.ids import CampaignId, TenantId
from penstock.store import messages
from penstock.store.messages import Message
from penstock.store.pool import Store

COLUMNS: Final = ("to", "state", "segments", "sent_at", "final_at", "provider_id", "error")
PAGE: Final = 5000

Form = Literal["csv", "ndjson"]
Writer = Callable[[Sequence[Message]], bytes]

CONTENT_TYPES: Final[dict[Form, str]] = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}

# A spreadsheet would run a cell that begins with one of these as a formula.
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


async def stream(request: web.Request, caller: Caller) -> web.StreamResponse:
    """GET /v1/campaigns/{id}/report."""
    form = _form(request, queries.parameters(request, "format").get("format"))
    store, campaign_id = request.app[PARTS].store, queries.campaign_id(request)
    async with store.tenant(caller.tenant_id) as connection:
        await find(connection, caller.tenant_id, campaign_id)
    response = web.StreamResponse(
        headers={
            "Content-Type": CONTENT_TYPES[form],
            "Content-Disposition": f'attachment; filename="report-{campaign_id}.{form}"',
        }
    )
    await response.prepare(request)
    if form == "csv":
        await response.write(_csv_line(COLUMNS))
    async for page in _pages(store, caller.tenant_id, campaign_id):
        await response.write(await asyncio.to_thread(WRITERS[form], page))
    await response.write_eof()
    return response


def _form(request: web.Request, asked: str | None) -> Form:
    """What `?format=` says, else what Accept prefers, else CSV."""
    match asked:
        case "csv" | "ndjson":
            return asked
        case None:
            accepted = request.headers.get("Accept", "")
            return "ndjson" if "application/x-ndjson" in accepted or "application/jsonl" in accepted else "csv"
        case _:
            raise InvalidValueError("format is csv or ndjson.")


async def _pages(store: Store, tenant_id: TenantId, campaign_id: CampaignId) -> AsyncIterator[list[Message]]:
    """The connection is given back between pages, so that a slow reader holds none."""
    after = -1
    while True:
        async with store.tenant(tenant_id) as connection:
            page = await messages.list_messages(connection, tenant_id, campaign_id, after=after, limit=PAGE)
        if page:
            yield page
        if len(page) < PAGE:
            return
        after = page[-1].seq


def write_csv(page: Sequence[Message]) -> bytes:
    """Lines of CSV."""
    return b"".join(_csv_line(_cells(message)) for message in page)


def write_ndjson(page: Sequence[Message]) -> bytes:
    """Lines of JSON objects; nothing is escaped there, a program reads them."""
    return b"".join(
        json_line(
            {
                "to": number(message.msisdn), "state": message.state, "segments": message.segments,
                "sent_at": message.sent_at, "final_at": message.final_at, "provider_id": message.provider_id,
                "error": message.error,
            }
        )
        for message in page
    )  # fmt: skip


WRITERS: Final[dict[Form, Writer]] = {"csv": write_csv, "ndjson": write_ndjson}


def _cells(message: Message) -> tuple[object, ...]:
    return (
        number(message.msisdn), message.state, message.segments, rfc3339(message.sent_at), rfc3339(message.final_at),
        _defused(message.provider_id), _defused(message.error),
    )  # fmt: skip


def _defused(text: str | None) -> str:
    """A text that comes from outside, with a quote before anything that would be a formula."""
    if text is None:
        return ""
    return f"'{text}" if text.startswith(_FORMULA_STARTS) else text


def _csv_line(cells: Sequence[object]) -> bytes:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue().encode()
