"""Evidence for messages whose outcome is not known: whether what the provider shows of a message belongs to one of ours.

Our reference decides at once where the provider shows it. Without it number, text and accept time must all agree, and with one
message only: an answer that fits two proves neither, and a guess would be worse than not knowing.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final, Literal

from msgspec import Struct

from penstock.domain.ids import AttemptId, CampaignId, message_id, parse_message_id
from penstock.domain.report import Report

SLACK: Final = timedelta(seconds=60)
"""How far the provider's clock may be from the database's, and how long bytes may lie in buffers on the way."""

By = Literal["reference", "content"]


class Seen(Struct, frozen=True, kw_only=True):
    """What the provider shows of one message when it is asked by id."""

    report: Report
    """Its id and where it stands."""
    accepted_ms: int | None
    """Unix milliseconds: from the id, else from the message's own words."""
    numbers: frozenset[int]
    """Every number that it names as somebody who takes part: the recipient, perhaps the sender."""
    text: str | None
    reference: str | None


class Suspect(Struct, frozen=True):
    """A message of ours with an unknown outcome that may be the one: what was asked to be sent, rendered again."""

    attempt_id: AttemptId
    campaign_id: CampaignId
    seq: int
    number: int
    text: str


class Match(Struct, frozen=True):
    """It is this one."""

    suspect: Suspect
    by: By


class Ambiguous(Struct, frozen=True):
    """It may be any of so many: nothing is proven."""

    suspects: int


def match(seen: Seen, suspects: Sequence[Suspect]) -> Match | Ambiguous | None:
    """Which of the suspects was seen; None for none of them.

    The suspects are those whose attempt was on its way at the accept time. A reference of ours names one message for certain,
    and so excludes all others; a reference of somebody else's says nothing.
    """
    if seen.reference is not None and parse_message_id(seen.reference) is not None:
        named = [one for one in suspects if message_id(one.campaign_id, one.seq) == seen.reference]
        return Match(named[0], "reference") if len(named) == 1 and _may_have_gone_to(seen, named[0]) else None
    alike = [one for one in suspects if one.number in seen.numbers and one.text == seen.text]
    if len(alike) > 1:
        return Ambiguous(len(alike))
    return Match(alike[0], "content") if alike else None


def _may_have_gone_to(seen: Seen, suspect: Suspect) -> bool:
    """Whether nothing speaks against it: a message that names other numbers only was not this one, whatever it is called."""
    return not seen.numbers or suspect.number in seen.numbers
