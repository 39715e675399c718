"""Which campaigns of a list are asked for: parameters of the query become bounds that ride on an index."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

from msgspec import Meta

from penstock.api.routes import Parameter
from penstock.api.schemas import Instant
from penstock.domain.campaign import CampaignState
from penstock.domain.ids import CampaignId, uuid7
from penstock.store.campaigns import HIGHEST_ID, LOWEST_ID, Wanted

FILTERS: Final = (
    Parameter("state", CampaignState, "Campaigns in this state only."),
    Parameter(
        "name", Annotated[str, Meta(max_length=200)], "Campaigns of this name only: the whole of it, in this case of letters."
    ),
    Parameter("created_after", Instant, "Campaigns that were created at this time or later."),
    Parameter("created_before", Instant, "Campaigns that were created before this time."),
)

_CLOCKS_APART: Final = timedelta(hours=1)
"""An id carries the API server's time, the row the database's: bounds on the id leave this much room for the difference."""
_EPOCH: Final = datetime(1970, 1, 2, tzinfo=UTC)
_FAR: Final = datetime(9000, 1, 1, tzinfo=UTC)


def read(given: Mapping[str, Any]) -> Wanted:
    """The bounds."""
    after, before = _bounded(given.get("created_after")), _bounded(given.get("created_before"))
    return Wanted(
        before=HIGHEST_ID if before is None else _floor(before + _CLOCKS_APART),
        least=LOWEST_ID if after is None else _floor(after - _CLOCKS_APART),
        created_after=after, created_before=before, state=given.get("state"), name=given.get("name"),
    )  # fmt: skip


def _bounded(instant: datetime | None) -> datetime | None:
    """A time whose neighbours are times too, and that an id can carry."""
    return None if instant is None else min(max(instant, _EPOCH), _FAR)


def _floor(instant: datetime) -> CampaignId:
    """At most the smallest id of that instant."""
    return CampaignId(uuid7(int(instant.timestamp() * 1000), bytes(10)))
