"""The API's document (OpenAPI 3.1), made from the route tables and the types of requests and answers.

Nothing is said here that a table or a type says: this puts it together.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
from msgspec import Struct

from penstock import __version__
from penstock.api.open_routes import OpenRoute
from penstock.api.operations import (
    IDEMPOTENCY_KEY,
    PATH_PARAMETERS,
    Operation,
    SchemaOf,
    kinds_of,
    open_operation_of,
    operation_of,
)
from penstock.api.problems import ROWS, Problem
from penstock.api.routes import Address
from penstock.api.webhooks import SECRET_HEADER, SECRET_PARAMETER

VERSION: Final = "3.1.1"
_LIST_NAME: Final = re.compile(r"\bListing_(\w+?)_(?!\w)")

_ABOUT: Final = """Send SMS campaigns: create one, add recipients, send it, watch it, read its report.

Every request carries an API key. Errors are problem documents (RFC 9457); their `code` is from a closed list, each with a page
at its `type`. Times are RFC 3339 in UTC. Lists come page by page: follow `next` as it is. An address that answers GET with
JSON answers HEAD too. Phone numbers travel in bodies only."""

_HEADERS: Final = {
    "X-Request-Id": ("Names the request: yours if it was well-formed, else a new one. The same as in the log.", "string"),
    "X-Idempotency": ("`HIT` when the answer is that of an earlier request with the same key, else `MISS`.", "string"),
    "Location": ("The address of what was made, where it has one.", "string"),
    "Content-Disposition": ("A name for the file.", "string"),
    "RateLimit-Policy": ("The limits that count this call, each with its quota `q` in a window of `w` seconds.", "string"),
    "RateLimit": ("What remains of each, `r`, and the seconds that it has to last, `t`.", "string"),
    "Retry-After": ("Seconds to wait before the next try.", "integer"),
    "WWW-Authenticate": ("How to authenticate.", "string"),
}


class Section(Struct, frozen=True):
    """A table of routes and the key that opens them."""

    security: str
    routes: Sequence[Address]


def document(sections: Sequence[Section], open_routes: Sequence[OpenRoute]) -> dict[str, Any]:
    """The whole document."""
    schema_of, schemas = _schemas(sections)
    paths: dict[str, dict[str, Operation]] = {}
    for section in sections:
        for route in section.routes:
            paths.setdefault(route.path, {})[route.method.lower()] = operation_of(route, schema_of, section.security)
    for opened in open_routes:
        paths.setdefault(opened.path, {})[opened.method.lower()] = open_operation_of(opened, schema_of)
    whole = {
        "openapi": VERSION,
        "info": {
            "title": "Penstock",
            "version": __version__,
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "tags": _tags(paths),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "headers": {name: {"description": text, "schema": {"type": kind}} for name, (text, kind) in _HEADERS.items()},
            "parameters": {"RequestId": _request_id()},
            "securitySchemes": _security({section.security for section in sections}),
        },
    }
    named = _LIST_NAME.sub(r"\1List", msgspec.json.encode(whole).decode())
    renamed: dict[str, Any] = msgspec.json.decode(named)
    return renamed


def _schemas(sections: Sequence[Section]) -> tuple[SchemaOf, dict[str, Any]]:
    """The schema of each type that is used, and what they refer to."""
    kinds = [kind for section in sections for route in section.routes for kind in kinds_of(route)]
    kinds += [Problem, IDEMPOTENCY_KEY.kind, *(parameter.kind for parameter in PATH_PARAMETERS.values())]
    kinds = list(dict.fromkeys(kinds))
    found, components = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    components["Problem"]["properties"]["code"]["enum"] = sorted(ROWS)
    return dict(zip(kinds, found, strict=True)).__getitem__, components


def _tags(paths: dict[str, dict[str, Operation]]) -> list[dict[str, str]]:
    names: Iterable[str] = (tag for item in paths.values() for operation in item.values() for tag in operation["tags"])
    return [{"name": name} for name in dict.fromkeys(names)]


def _request_id() -> dict[str, Any]:
    return {
        "name": "X-Request-Id", "in": "header", "required": False,
        "description": "Your name for this request, for both sides' logs: 1 to 64 letters, digits, `.`, `_` and `-`. Another "
        "one is replaced.",
        "schema": {"type": "string"},
    }  # fmt: skip


def _security(keys: set[str]) -> dict[str, Any]:
    bearers = {
        "tenantKey": "A tenant's API key, `pk_…`.",
        "operatorKey": "The operator's key. Where none is set, these addresses do not exist.",
    }
    return {
        **{key: {"type": "http", "scheme": "bearer", "description": bearers[key]} for key in sorted(keys)},
        "webhookSecret": {"type": "apiKey", "in": "header", "name": SECRET_HEADER},
        "webhookToken": {"type": "apiKey", "in": "query", "name": SECRET_PARAMETER},
    }
