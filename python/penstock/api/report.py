"""The report of a campaign: every message, streamed as CSV or NDJSON in pages, whatever its size.

Not a snapshot: each page is read when its turn comes, so messages may move while the report runs; each appears once.
"""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Final, Literal

from aiohttp import web

from penstock.api import queries, schemas
from penstock.api.answers import json_line, rfc3339
from penstock.api.auth import Caller
from penstock.api.campaigns import find_with_messages
from penstock.api.parts import PARTS
from penstock.api.routes import Media, Parameter
from penstock.api.views import number, report_line
from penstock.domain.ids import CampaignId, TenantId
from penstock.store import messages
from penstock.store.messages import Message
from penstock.store.pool import Store

COLUMNS: Final = schemas.ReportLine.__struct_fields__
PAGE: Final = 5000

Form = Literal["csv", "ndjson"]
Writer = Callable[[Sequence[Message]], bytes]

CONTENT_TYPES: Final[dict[Form, str]] = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson"}

QUERY: Final = (Parameter("format", Form, "The form of the report; without it the header Accept decides, and then it is csv."),)
_SAMPLE: Final = "+4915100000000,delivered,1,2026-03-02T08:00:01Z,2026-03-02T08:00:04Z,7f0b6a3e-5d0c-4a53-9a55-1f1f3f2c0a10,"
DOWNLOADS: Final = (
    Media("text/csv", "A line of column names, then a line for each message.", f"{','.join(COLUMNS)}\n{_SAMPLE}\n"),
    Media(
        "application/x-ndjson",
        "A JSON object on each line, for each message.",
        '{"to":"+4915100000000","state":"delivered","segments":1,"sent_at":"2026-03-02T08:00:01Z",'
        '"final_at":"2026-03-02T08:00:04Z","provider_id":"7f0b6a3e-5d0c-4a53-9a55-1f1f3f2c0a10","error":null}\n',
        line=schemas.ReportLine,
    ),
)

# A spreadsheet would run a cell that begins with one of these as a formula.
_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")


async def stream(request: web.Request, caller: Caller) -> web.StreamResponse:
    """Download every message of a campaign, as CSV or NDJSON.

    Not a snapshot: messages may move while it is read; each appears once. A report that ends early breaks the connection.
    """
    form = _form(request, queries.parameters(request).get("format"))
    store, campaign_id = request.app[PARTS].store, queries.campaign_id(request)
    async with store.tenant(caller.tenant_id) as connection:
        await find_with_messages(connection, caller.tenant_id, campaign_id)
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


def _form(request: web.Request, asked: Form | None) -> Form:
    """What `?format=` says, else what Accept prefers, else CSV."""
    if asked is not None:
        return asked
    accepted = request.headers.get("Accept", "")
    return "ndjson" if "application/x-ndjson" in accepted or "application/jsonl" in accepted else "csv"


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
    return b"".join(json_line(report_line(message)) for message in page)


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
