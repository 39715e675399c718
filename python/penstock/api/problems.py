"""Errors become HTTP here: one table, one function. Bodies are problem details (RFC 9457), never with data of a message.

Not for raising: rules are broken in the layers below, which know no status codes.
"""

from collections.abc import Mapping
from typing import Final, Literal

import msgspec
from aiohttp import web
from msgspec import Struct

from penstock.domain.errors import (
    GatewayError,
    InProgressError,
    InvalidValueError,
    KeyRequiredError,
    KeyReusedError,
    LimitReachedError,
    MalformedRequestError,
    MessagesDroppedError,
    NotAllowedError,
    NotFoundError,
    OptedOutError,
    RequestTimeoutError,
    StateConflictError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedTypeError,
)
from penstock.ingest.upload import UploadStoppedError
from penstock.redact import redact_text
from penstock.store.idempotency import StoredAnswer

CONTENT_TYPE: Final = "application/problem+json"

Level = Literal["info", "warning", "error"]


class Row(Struct, frozen=True):
    """How one kind of error looks from outside; its code is also its metric label."""

    code: str
    title: str
    status: int
    level: Level = "info"
    is_retryable: bool = False


def _row(kind: type[GatewayError], status: int, *, level: Level = "info", is_retryable: bool = False) -> Row:
    title = (kind.__doc__ or "").partition("\n")[0]
    return Row(kind.code, title, status, level, is_retryable)


TABLE: Final[Mapping[type[GatewayError], Row]] = {
    MalformedRequestError: _row(MalformedRequestError, 400),
    KeyRequiredError: _row(KeyRequiredError, 400),
    UnauthenticatedError: _row(UnauthenticatedError, 401),
    NotAllowedError: _row(NotAllowedError, 403),
    NotFoundError: _row(NotFoundError, 404),
    RequestTimeoutError: _row(RequestTimeoutError, 408, is_retryable=True),
    StateConflictError: _row(StateConflictError, 409),
    InProgressError: _row(InProgressError, 409, is_retryable=True),
    MessagesDroppedError: _row(MessagesDroppedError, 410),
    TooLargeError: _row(TooLargeError, 413),
    UnsupportedTypeError: _row(UnsupportedTypeError, 415),
    InvalidValueError: _row(InvalidValueError, 422),
    KeyReusedError: _row(KeyReusedError, 422),
    OptedOutError: _row(OptedOutError, 422),
    LimitReachedError: _row(LimitReachedError, 429, is_retryable=True),
    UnavailableError: _row(UnavailableError, 503, level="warning", is_retryable=True),
}
METHOD_NOT_ALLOWED: Final = Row("method_not_allowed", "This address does not know the method.", 405)
REFUSED: Final = Row("malformed_request", "The request cannot be read.", 400)
INTERNAL: Final = Row("internal_error", "Something is wrong on our side.", 500, "error")

_FRAMEWORK_ROWS: Final[Mapping[int, Row]] = {
    404: TABLE[NotFoundError],
    405: METHOD_NOT_ALLOWED,
    413: TABLE[TooLargeError],
    415: TABLE[UnsupportedTypeError],
}
_FRAMEWORK_DETAILS: Final[Mapping[int, str]] = {
    404: "There is nothing at this address.",
    405: "Use one of the methods in the Allow header.",
}


ROWS: Final[Mapping[str, Row]] = {row.code: row for row in (*TABLE.values(), METHOD_NOT_ALLOWED, INTERNAL)}
"""Every code that an answer may carry."""


class FieldProblem(Struct, frozen=True):
    """What is wrong with one field of the request."""

    pointer: str
    detail: str


class StoppedAt(Struct, frozen=True):
    """Where an upload that ended early can be continued."""

    upload_id: str
    rows: int
    line: int


class Problem(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of every error."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    retryable: bool
    errors: list[FieldProblem] = []
    upload: StoppedAt | None = None


def row_of(error: Exception) -> Row:
    """The error's row; anything that is not in the table is a defect of ours."""
    match error:
        case UploadStoppedError():
            return row_of(error.cause)
        case GatewayError():
            return TABLE.get(type(error), INTERNAL)
        case web.HTTPException():
            return _FRAMEWORK_ROWS.get(error.status, REFUSED if error.status < INTERNAL.status else INTERNAL)
        case _:
            return INTERNAL


def kept(error: GatewayError, request_id: str) -> StoredAnswer | None:
    """The answer as it may be repeated, or None when a repetition may end differently."""
    row = row_of(error)
    is_final = row.status < INTERNAL.status and not row.is_retryable
    return refusal(error, request_id) if is_final else None


def refusal(error: GatewayError, request_id: str) -> StoredAnswer:
    """The answer as a value."""
    return StoredAnswer(row_of(error).status, {"Content-Type": CONTENT_TYPE}, _body(error, request_id))


def render(error: Exception, request_id: str) -> web.Response:
    """The answer to a request that failed."""
    row = row_of(error)
    headers = {"Content-Type": CONTENT_TYPE, **_headers(error, row)}
    response = web.Response(status=row.status, body=_body(error, request_id), headers=headers)
    if row.status == TABLE[RequestTimeoutError].status:
        response.force_close()
    return response


def _body(error: Exception, request_id: str) -> bytes:
    row = row_of(error)
    detail = _detail(error, row)
    problem = Problem(
        type=f"/docs/errors/{row.code}", title=row.title, status=row.status, detail=detail, code=row.code,
        request_id=request_id, retryable=row.is_retryable, errors=_fields(error, detail), upload=_stopped_at(error),
    )  # fmt: skip
    return msgspec.json.encode(problem)


def _detail(error: Exception, row: Row) -> str:
    if row is INTERNAL:
        return ""
    if isinstance(error, web.HTTPException):
        return _FRAMEWORK_DETAILS.get(error.status, row.title)
    return redact_text(error.detail) if isinstance(error, GatewayError | UploadStoppedError) else ""


def _fields(error: Exception, detail: str) -> list[FieldProblem]:
    pointer = error.pointer if isinstance(error, GatewayError) else None
    return [] if pointer is None else [FieldProblem(redact_text(pointer), detail)]


def _stopped_at(error: Exception) -> StoppedAt | None:
    return StoppedAt(error.upload_id, error.rows, error.line) if isinstance(error, UploadStoppedError) else None


def _headers(error: Exception, row: Row) -> Mapping[str, str]:
    cause = error.cause if isinstance(error, UploadStoppedError) else error
    match cause:
        case UnavailableError() | LimitReachedError():
            return {"Retry-After": str(cause.retry_after_s)}
        case UnauthenticatedError():
            return {"WWW-Authenticate": "Bearer"}
        case web.HTTPException() if row is METHOD_NOT_ALLOWED:
            return {"Allow": cause.headers.get("Allow", "")}
        case _:
            return {}
