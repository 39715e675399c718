"""Values become JSON answers."""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
from aiohttp import web

_ENCODER = msgspec.json.Encoder()


def answer(value: object, *, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """A JSON answer."""
    return web.Response(status=status, body=_ENCODER.encode(value), content_type="application/json", headers=headers)


def json_line(value: object) -> bytes:
    """One line of NDJSON."""
    return _ENCODER.encode(value) + b"\n"


def rfc3339(instant: datetime | None) -> str:
    """A time as every answer writes it, '' for none."""
    return "" if instant is None else instant.astimezone(UTC).isoformat().replace("+00:00", "Z")
