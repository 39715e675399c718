"""Which campaigns of a list are asked for: parameters of the query become bounds that ride on an index."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from penstock.domain.campaign import CampaignState
from penstock.domain.errors import InvalidValueError
from penstock.domain.ids import CampaignId, uuid7
from penstock.store.campaigns import HIGHEST_ID, LOWEST_ID, Wanted

FILTERS: Final = ("state", "name", "created_after", "created_before")

_CLOCKS_APART: Final = timedelta(hours=1)
"""An id carries the API server's time, the row the database's: bounds on the id leave this much room for the difference."""
_EPOCH: Final = datetime(1970, 1, 2, tzinfo=UTC)
_FAR: Final = datetime(9000, 1, 1, tzinfo=UTC)


def read(given: Mapping[str, str]) -> Wanted:
    """Raises InvalidValueError."""
    after, before = _instant(given, "created_after"), _instant(given, "created_before")
    return Wanted(
        before=HIGHEST_ID if before is None else _floor(before + _CLOCKS_APART),
        least=LOWEST_ID if after is None else _floor(after - _CLOCKS_APART),
        created_after=after, created_before=before, state=_state(given.get("state")), name=given.get("name"),
    )  # fmt: skip


def _instant(given: Mapping[str, str], name: str) -> datetime | None:
    text = given.get(name)
    if text is None:
        return None
    try:
        # In a query a `+` that was not escaped arrives as a space.
        instant = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise InvalidValueError(f"{name} is a time with its zone, as 2026-11-01T00:00:00Z.")
    return min(max(instant, _EPOCH), _FAR)


def _state(text: str | None) -> CampaignState | None:
    try:
        return None if text is None else CampaignState(text)
    except ValueError:
        raise InvalidValueError(f"state is one of {', '.join(CampaignState)}.") from None


def _floor(instant: datetime) -> CampaignId:
    """At most the smallest id of that instant."""
    return CampaignId(uuid7(int(instant.timestamp() * 1000), bytes(10)))
