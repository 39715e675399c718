"""Single messages become rows, in a transaction that the caller opens: chunks, batches, messages, references and books.

Whoever stores messages here and has committed announces them (`lanes_of`), so that they need not wait to be found.
"""

from collections.abc import Callable, Sequence
from itertools import chain
from uuid import UUID

from penstock import _core
from penstock.domain.counter import RECEIVED
from penstock.domain.errors import GatewayError, OptedOutError
from penstock.domain.fairness import Lane
from penstock.domain.ids import CampaignId, TenantId
from penstock.domain.message import MessageState
from penstock.domain.single import Placed, Route, Single, arrange
from penstock.ingest.audience import MOST_PARTS
from penstock.store import accounts, singles
from penstock.store.pool import Connection
from penstock.store.singles import NewChunk, Range


async def place_messages(
    connection: Connection, tenant_id: TenantId, messages: Sequence[Single], new_id: Callable[[], UUID]
) -> list[Placed | GatewayError]:
    """Store the messages; for each where it is now, or an OptedOutError: that one is not stored."""
    opted_out = await singles.find_opted_out(connection, tenant_id, sorted({message.number for message in messages}))
    results: list[Placed | GatewayError] = [
        OptedOutError("The number opted out of your messages.", pointer="/to") for _ in messages
    ]
    routes: dict[Route, list[int]] = {}
    for position, message in enumerate(messages):
        if message.number not in opted_out:
            routes.setdefault(message.route, []).append(position)
    # In one order everywhere, so that two transactions never wait for each other's ranges.
    for route in sorted(routes):
        positions = routes[route]
        placed = await _store_route(connection, tenant_id, route, [messages[position] for position in positions], new_id)
        for position, place in zip(positions, placed, strict=True):
            results[position] = place
    return results


def lanes_of(tenant_id: TenantId, messages: Sequence[Single], results: Sequence[Placed | GatewayError]) -> list[Lane]:
    """What may be sent now of what was stored."""
    due: dict[CampaignId, Lane] = {}
    for message, placed in zip(messages, results, strict=True):
        if isinstance(placed, Placed) and message.due_at is None:
            before = due.get(placed.campaign_id)
            segments = message.segments + (before.segments if before else 0)
            due[placed.campaign_id] = Lane(tenant_id, placed.campaign_id, message.account_id, segments, is_rolling=True)
    return list(due.values())


async def _store_route(
    connection: Connection, tenant_id: TenantId, route: Route, messages: Sequence[Single], new_id: Callable[[], UUID]
) -> list[Placed]:
    """Messages of one rolling campaign; their places in the order given."""
    chunks = arrange(messages)
    taken = await _take_range(connection, tenant_id, route, messages=len(messages), chunks=len(chunks), new_id=new_id)
    new, first_seq = [], taken.first_seq
    for number, positions in enumerate(chunks):
        new.append(_pack([messages[position] for position in positions], taken.first_chunk + number, first_seq))
        first_seq += len(positions)
    in_order = [messages[position] for position in chain.from_iterable(chunks)]
    await singles.insert_messages(
        connection, tenant_id, taken, chunks=new, messages=in_order, counters=(RECEIVED, MessageState.QUEUED)
    )
    seqs = dict(zip(chain.from_iterable(chunks), range(taken.first_seq, first_seq), strict=True))
    return [Placed(taken.campaign_id, seqs[position], taken.stored_at) for position in range(len(messages))]


async def _take_range(  # noqa: PLR0913 - what a range is of, and how long
    connection: Connection, tenant_id: TenantId, route: Route, *, messages: int, chunks: int, new_id: Callable[[], UUID]
) -> Range:
    taken = await singles.take_range(connection, tenant_id, route, messages, chunks)
    if taken is None:
        await accounts.ensure_account(connection, route.account_id)
        await singles.open_day(connection, tenant_id, route, CampaignId(new_id()), MOST_PARTS)
        taken = await singles.take_range(connection, tenant_id, route, messages, chunks)
    if taken is None:
        raise RuntimeError("the rolling campaign that was just made is not there")
    return taken


def _pack(messages: Sequence[Single], chunk_no: int, first_seq: int) -> NewChunk:
    numbers, texts = [message.number for message in messages], [message.text for message in messages]
    return NewChunk(
        chunk_no=chunk_no, first_seq=first_seq, messages=len(messages), segments=sum(message.segments for message in messages),
        due_at=messages[0].due_at, payload=_core.pack_messages(numbers, texts, first_seq),
    )  # fmt: skip
