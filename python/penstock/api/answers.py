"""Values become JSON answers."""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
from aiohttp import web

from penstock.store.idempotency import StoredAnswer

_ENCODER = msgspec.json.Encoder()


def answer(value: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer."""
    return web.Response(status=status, body=_ENCODER.encode(value), content_type="application/json", headers=headers)


def secret(value: object, *, status: int) -> web.Response:
    """A JSON answer that nobody on the way may keep, and that is not kept here either."""
    return answer(value, status=status, headers={"Cache-Control": "no-store"})


def stored(value: object, *, status: int = 200, location: str | None = None) -> StoredAnswer:
    """The same as a value that can be kept and sent again, byte for byte."""
    headers = {"Content-Type": "application/json"} | ({} if location is None else {"Location": location})
    return StoredAnswer(status, headers, _ENCODER.encode(value))


def json_line(value: object) -> bytes:
    """One line of NDJSON."""
    return _ENCODER.encode(value) + b"\n"


def rfc3339(instant: datetime | None) -> str:
    """A time as every answer writes it, '' for none."""
    return "" if instant is None else instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
