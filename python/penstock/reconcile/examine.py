"""A campaign is counted one by one and held against what is written about it. Nothing is changed here.

Messages, books and batches change together in every transaction, so in one snapshot they must agree exactly, also while the
campaign is being sent. The messages are read in steps, each a range of the primary key: no statement runs for long, however
large the campaign.
"""

from collections import Counter
from typing import Final

from msgspec import Struct

from penstock.domain.counter import RECEIVED, SKIPPED_PREFIX, imbalance, skipped_counter
from penstock.domain.finding import Finding, FindingKind, about_campaign
from penstock.domain.ids import CampaignId, TenantId
from penstock.domain.message import MessageState
from penstock.store import campaigns, recounts, retention
from penstock.store.pool import Connection
from penstock.store.recounts import Unbatched

STEP: Final = 100_000
"""Messages that one statement counts, a few dozen milliseconds of work."""
MOST_UNBATCHED: Final = 10_000
"""Messages without a batch that are listed at once; more are found the next time."""


class Examined(Struct, frozen=True, kw_only=True):
    """What was seen in one snapshot."""

    messages: int
    difference: dict[str, int]
    """What each counter must gain to be right; empty for right books."""
    unbatched: list[Unbatched]
    overlaps: int


async def examine(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> Examined:
    """Count everything. Needs a transaction that keeps to one snapshot (repeatable read), and is the first thing in it."""
    await recounts.keep_messages(connection)
    if await retention.are_messages_dropped(connection, tenant_id, campaign_id):
        return await _examine_books(connection, tenant_id, campaign_id)
    counted: Counter[str] = Counter()
    unbatched: list[Unbatched] = []
    for low in range(0, await recounts.last_seq(connection, tenant_id, campaign_id) + 1, STEP):
        step = await recounts.count_range(connection, tenant_id, campaign_id, low, low + STEP)
        counted.update(step)
        if (room := MOST_UNBATCHED - len(unbatched)) and step.get(MessageState.QUEUED):
            unbatched += await recounts.list_unbatched(connection, tenant_id, campaign_id, low, low + STEP, room)
    messages = counted.total()
    for reason, n in (await recounts.count_skipped(connection, tenant_id, campaign_id)).items():
        counted[skipped_counter(reason)] = n
    counted[RECEIVED] = counted.total()
    booked = await campaigns.get_counts(connection, tenant_id, campaign_id)
    difference = {name: counted[name] - booked.get(name, 0) for name in sorted({*counted, *filter(_can_be_counted, booked)})}
    return Examined(
        messages=messages,
        difference={name: n for name, n in difference.items() if n},
        unbatched=unbatched,
        overlaps=await recounts.count_overlaps(connection, tenant_id, campaign_id),
    )


async def _examine_books(connection: Connection, tenant_id: TenantId, campaign_id: CampaignId) -> Examined:
    """Where the messages were dropped, the books are all there is: they must be balanced in themselves."""
    missing = -imbalance(await campaigns.get_counts(connection, tenant_id, campaign_id))
    return Examined(messages=0, difference={RECEIVED: missing} if missing else {}, unbatched=[], overlaps=0)


def findings_of(seen: Examined, tenant_id: TenantId, campaign_id: CampaignId) -> list[Finding]:
    """What is wrong, as nobody has mended it yet."""
    unaccounted = sum(one.is_attempted for one in seen.unbatched)
    details: dict[FindingKind, dict[str, int]] = {
        FindingKind.BOOKS_WRONG: seen.difference,
        FindingKind.MESSAGES_WITHOUT_BATCH: _if_any("messages", len(seen.unbatched) - unaccounted),
        FindingKind.MESSAGES_UNACCOUNTED: _if_any("messages", unaccounted),
        FindingKind.BATCHES_OVERLAP: _if_any("batches", seen.overlaps),
    }
    return [about_campaign(kind, tenant_id, campaign_id, detail) for kind, detail in details.items() if detail]


def _can_be_counted(counter: str) -> bool:
    """Whether messages and skipped rows say what it must be; any other counter counts what happened."""
    return counter == RECEIVED or counter in set(MessageState) or counter.startswith(SKIPPED_PREFIX)


def _if_any(name: str, n: int) -> dict[str, int]:
    return {name: n} if n else {}
