"""Recipients: upload, discard, and the rows that were skipped."""

import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Annotated, Final

from aiohttp import web
from msgspec import Meta

from penstock.api import queries, schemas, views
from penstock.api.answers import answer
from penstock.api.auth import Caller
from penstock.api.bodies import check_content_type
from penstock.api.campaigns import find_with_messages
from penstock.api.parts import PARTS
from penstock.api.routes import Media, Parameter
from penstock.api.streams import bounded, check_announced_size, open_body
from penstock.config import Http
from penstock.domain.errors import InvalidValueError, MalformedRequestError
from penstock.ingest import control
from penstock.ingest.upload import UploadFormat, UploadRequest, UploadResult
from penstock.store import uploads

FORMATS: Final[Mapping[str, UploadFormat]] = {
    "text/csv": "csv",
    "application/x-ndjson": "ndjson",
    "application/jsonl": "ndjson",
    "application/json": "json",
}
_UPLOAD_ID: Final = re.compile(r"[!-~]{1,100}")

QUERY: Final = (
    Parameter(
        "phone_column",
        Annotated[str, Meta(min_length=1, max_length=100)],
        "The column of the numbers. Without it: the first of phone, to, number, msisdn and mobile.",
    ),
    Parameter(
        "zone_column",
        Annotated[str, Meta(min_length=1, max_length=100)],
        "The column of the recipients' time zones (IANA names), for quiet hours. Without it: timezone or time_zone, if there "
        "is one. Where a row names none, its number tells.",
    ),
)
HEADERS: Final = (
    Parameter(
        "Upload-Id",
        Annotated[str, Meta(min_length=1, max_length=100, pattern="^[!-~]+$")],
        "Your name for this upload. Send the same body again under it, and the rows that are stored already are skipped.",
    ),
)
_CSV: Final = "phone,name\n+4915100000000,Ann\n+4915100000001,Bea\n+4915100000002,Cem\n"
_NDJSON: Final = (
    '{"phone":"+4915100000000","name":"Ann"}\n{"phone":"+4915100000001","name":"Bea"}\n'
    '{"phone":"+4915100000002","name":"Cem"}\n'
)
_LINE: Final = (
    "A JSON object on each line: a number, and a value for each placeholder of the text. Of any length, also gzipped."
)
UPLOADS: Final = (
    Media("text/csv", "A line of column names, then a line for each recipient. Of any length, also gzipped.", _CSV),
    Media("application/x-ndjson", _LINE, _NDJSON, line=schemas.Recipient),
    Media("application/jsonl", _LINE, _NDJSON, line=schemas.Recipient),
    Media(
        "application/json",
        "A list, for small uploads.",
        '{"recipients":[{"phone":"+4915100000000","name":"Ann"},{"phone":"+4915100000001","name":"Bea"},'
        '{"phone":"+4915100000002","name":"Cem"}]}',
        kind=schemas.RecipientList,
    ),
)


async def upload(request: web.Request, caller: Caller) -> web.Response:
    """Add recipients to a draft, from a body of any length.

    Numbers become E.164, repeated ones are skipped, and every skipped row is listed. With an Upload-Id the upload can be sent
    again after it broke: what is stored already is skipped.
    """
    parts = request.app[PARTS]
    campaign_id = queries.campaign_id(request)
    asked = _upload_request(request)
    async with aclosing(_source(request, asked.format, parts.http)) as source:
        result = await parts.intake.receive(caller.tenant_id, campaign_id, asked, source)
    return answer(_answer(result))


async def discard(request: web.Request, caller: Caller) -> web.Response:
    """Remove every recipient of a draft, and its unfinished upload."""
    campaign_id = queries.campaign_id(request)
    async with request.app[PARTS].store.tenant(caller.tenant_id) as connection, connection.transaction():
        await control.discard_recipients(connection, caller.tenant_id, campaign_id)
    return web.Response(status=204)


async def skipped(request: web.Request, caller: Caller) -> web.Response:
    """List the rows that did not become messages, with their reasons."""
    page = queries.page(queries.parameters(request))
    after = queries.position(page, _read_place, (-1, -1))
    campaign_id = queries.campaign_id(request)
    async with request.app[PARTS].store.tenant(caller.tenant_id) as connection:
        await find_with_messages(connection, caller.tenant_id, campaign_id)
        rows = await uploads.list_skipped(connection, caller.tenant_id, campaign_id, after, page.limit)
        known = await uploads.list_uploads(connection, caller.tenant_id, campaign_id)
    names = {one.upload_no: one.upload_id for one in known}
    more = queries.next_url(request, b"%d:%d" % (rows[-1].upload_no, rows[-1].line)) if len(rows) == page.limit else None
    return answer(schemas.Listing([views.skipped(row, names) for row in rows], more))


def _upload_request(request: web.Request) -> UploadRequest:
    given = queries.parameters(request)
    return UploadRequest(
        format=FORMATS[check_content_type(request, *FORMATS)],
        upload_id=_upload_id(request),
        phone_column=given.get("phone_column"),
        zone_column=given.get("zone_column"),
    )


def _upload_id(request: web.Request) -> str | None:
    given = request.headers.getall("Upload-Id", [])
    if len(given) > 1:
        raise MalformedRequestError("The header Upload-Id is given more than once.")
    if given and not _UPLOAD_ID.fullmatch(given[0]):
        raise InvalidValueError("Upload-Id is 1 to 100 visible ASCII characters.")
    return given[0] if given else None


async def _source(request: web.Request, form: UploadFormat, http: Http) -> AsyncGenerator[bytes, None]:
    """CSV and NDJSON stream; a JSON body is read whole by the parser."""
    limit = http.max_json_bytes if form == "json" else http.max_upload_bytes
    check_announced_size(request, limit)
    async for piece in bounded(open_body(request, http), limit):
        yield piece


def _answer(result: UploadResult) -> schemas.UploadAnswer:
    problems = [schemas.ProblemRow(row.line, row.reason, row.detail) for row in result.problems]
    return schemas.UploadAnswer(
        upload_id=result.upload_id, rows=result.rows, accepted=result.accepted, skipped=result.skipped,
        segments=result.segments, problems=problems,
    )  # fmt: skip


def _read_place(cursor: bytes) -> tuple[int, int]:
    upload_no, _, line = cursor.partition(b":")
    return queries.bounded_int(upload_no, 2**31), queries.bounded_int(line, 2**63)
