"""Single messages: what is stored of one, and how several become chunks."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from penstock.domain.ids import AccountId, CampaignId

TEXT: Final = "{text}"
"""The template of every rolling campaign: each message has its own text as its one value."""
MOST_AHEAD: Final = timedelta(days=90)
"""How far ahead a message may be given in."""
MOST_BEHIND: Final = timedelta(minutes=5)
"""A time that is over no longer than this means at once: clocks differ, and requests take their time."""


class Route(Struct, frozen=True, order=True):
    """Where a message is stored: one rolling campaign a day for each."""

    account_id: AccountId
    sender: str
    is_later: bool
    """It has a time of its own. Apart, because those that go at once are sent together as neighbours."""


class Single(Struct, frozen=True, kw_only=True):
    """A message that was checked."""

    account_id: AccountId
    sender: str
    number: int
    text: str
    segments: int
    due_at: datetime | None = None
    """None: at once."""
    reference: str | None = None

    @property
    def route(self) -> Route:
        """Its rolling campaign."""
        return Route(self.account_id, self.sender, self.due_at is not None)


class Placed(Struct, frozen=True):
    """Where a message was stored, and when."""

    campaign_id: CampaignId
    seq: int
    stored_at: datetime


def arrange(messages: Sequence[Single]) -> list[list[int]]:
    """The messages of one rolling campaign as chunks, each a list of positions: of one due time, and no number twice."""
    seen: Counter[tuple[datetime | None, int]] = Counter()
    chunks: dict[tuple[datetime | None, int], list[int]] = {}
    for position, message in enumerate(messages):
        place = (message.due_at, message.number)
        chunks.setdefault((message.due_at, seen[place]), []).append(position)
        seen[place] += 1
    return list(chunks.values())
