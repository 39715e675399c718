"""Opt-outs: list, add, remove. Numbers travel in bodies only, and a cursor over them is sealed: URLs end up in logs."""

import hashlib
from collections.abc import Callable
from typing import Final

from aiohttp import web

from penstock.api import queries, schemas, views
from penstock.api.answers import answer
from penstock.api.auth import Caller
from penstock.api.bodies import read_json
from penstock.api.parts import PARTS
from penstock.ingest import opt_outs
from penstock.store.opt_outs import OptOut

_NONCE_BYTES: Final = 8
_NUMBER_BYTES: Final = 8


async def index(request: web.Request, caller: Caller) -> web.Response:
    """List the numbers that are not written to, in their order."""
    parts = request.app[PARTS]
    page = queries.page(queries.parameters(request))
    after = queries.position(page, lambda cursor: open_cursor(cursor, caller), 0)
    found = await opt_outs.list_numbers(parts.store, caller.tenant_id, after, page.limit)
    more = None
    if len(found) == page.limit:
        more = queries.next_url(request, seal_cursor(found[-1].msisdn, caller, parts.random))
    return answer(schemas.Listing([_view(one) for one in found], more))


async def add(request: web.Request, caller: Caller) -> web.Response:
    """Add numbers that are not written to. Messages that are still queued to them are left out."""
    numbers = opt_outs.read_numbers((await read_json(request, schemas.Numbers)).numbers)
    added = await opt_outs.add_numbers(request.app[PARTS].store, caller.tenant_id, numbers)
    return answer(schemas.OptOutsAdded(added=added, known=len(numbers) - added))


async def remove(request: web.Request, caller: Caller) -> web.Response:
    """Remove numbers, given in the body: they may be written to again."""
    numbers = opt_outs.read_numbers((await read_json(request, schemas.Numbers)).numbers)
    removed = await opt_outs.remove_numbers(request.app[PARTS].store, caller.tenant_id, numbers)
    return answer(schemas.OptOutsRemoved(removed=removed, unknown=len(numbers) - removed))


def seal_cursor(number: int, caller: Caller, random: Callable[[int], bytes]) -> bytes:
    """A position that only a holder of the caller's key can read. Whoever changes it moves about in their own list only."""
    nonce = random(_NONCE_BYTES)
    return nonce + _masked(number.to_bytes(_NUMBER_BYTES, "big"), nonce, caller)


def open_cursor(cursor: bytes, caller: Caller) -> int:
    """The number inside. Raises ValueError for anything of another form."""
    if len(cursor) != _NONCE_BYTES + _NUMBER_BYTES:
        raise ValueError("not a sealed cursor")
    nonce, masked = cursor[:_NONCE_BYTES], cursor[_NONCE_BYTES:]
    number = int.from_bytes(_masked(masked, nonce, caller), "big")
    if number >= 1 << 63:
        raise ValueError("sealed for another key")
    return number


def _masked(data: bytes, nonce: bytes, caller: Caller) -> bytes:
    mask = hashlib.blake2b(nonce, key=caller.key_hash, digest_size=_NUMBER_BYTES, person=b"opt-out-cursor").digest()
    return bytes(left ^ right for left, right in zip(data, mask, strict=True))


def _view(stored: OptOut) -> schemas.OptOutView:
    return schemas.OptOutView(number=views.number(stored.msisdn), source=stored.source, created_at=stored.created_at)
