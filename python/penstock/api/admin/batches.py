"""Batches that somebody should look at: those whose outcome nobody knows, and those whose answer was out of order."""

from typing import Final, Literal

from aiohttp import web

from penstock.api import queries, schemas, views
from penstock.api.answers import answer
from penstock.api.bodies import read_json
from penstock.api.parts import PARTS
from penstock.api.routes import Parameter
from penstock.domain.audit import ADMIN
from penstock.domain.errors import NotFoundError
from penstock.domain.ids import BatchId
from penstock.reconcile.resolve import resolve_batch
from penstock.store import unknown

QUERY: Final = (
    *queries.PAGE,
    Parameter(
        "state",
        Literal["unknown", "contradicted"],
        "`unknown`, when not given: their outcome is not known. `contradicted`: the provider's ids belong to other messages.",
    ),
)


async def index(request: web.Request) -> web.Response:
    """List batches whose outcome is not known, or whose answer was in another order than its request; oldest first."""
    given = queries.parameters(request)
    page = queries.page(given)
    after = queries.position(page, lambda cursor: BatchId(queries.bounded_int(cursor, 1 << 63)), BatchId(0))
    is_contradicted = given.get("state") == "contradicted"
    listed = unknown.list_contradicted_batches if is_contradicted else unknown.list_unknown_batches
    async with request.app[PARTS].store.engine() as connection:
        found = await listed(connection, after, page.limit)
    more = queries.next_url(request, b"%d" % found[-1].batch_id) if len(found) == page.limit else None
    return answer(schemas.Listing([views.doubtful_batch(one) for one in found], more))


async def resolve(request: web.Request) -> web.Response:
    """Say what became of the messages of a batch that are still unknown. `not_sent` sends them again: be sure."""
    asked = await read_json(request, schemas.BatchClaim)
    async with request.app[PARTS].store.engine() as connection, connection.transaction():
        made = await resolve_batch(connection, ADMIN, _batch_id(request), asked.outcome)
    return answer(views.resolution(made))


def _batch_id(request: web.Request) -> BatchId:
    """The batch in the path. Anything that cannot be one does not exist."""
    try:
        return BatchId(queries.bounded_int(request.match_info["batch_id"].encode(), 1 << 63))
    except ValueError:
        raise NotFoundError("There is no such batch.") from None
