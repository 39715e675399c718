"""The room of a lane is given back once, whoever does it first."""

from typing import TYPE_CHECKING, cast
from uuid import UUID

from penstock.dispatch.place import Place
from penstock.domain.fairness import Lane
from penstock.domain.ids import AccountId, CampaignId, TenantId

if TYPE_CHECKING:
    from penstock.dispatch.choose import Chooser

LANE = Lane(TenantId(1), CampaignId(UUID(int=1)), AccountId("account"), 1)


class Witness:
    """Writes down what a chooser is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def done(self, lane: Lane) -> None:
        """It is over."""
        assert lane is LANE
        self.told.append("done")

    def hand_over(self, lane: Lane) -> None:
        """Somebody else may go."""
        assert lane is LANE
        self.told.append("hand over")


def test_room_is_given_back_once() -> None:
    """After an acceptance the end of the record gives nothing back again; without one it does."""
    accepted, refused = Witness(), Witness()
    place = Place(cast("Chooser", accepted), LANE)
    place.hand_over()
    place.hand_over()
    place.give_back()
    Place(cast("Chooser", refused), LANE).give_back()
    assert (accepted.told, refused.told) == (["hand over"], ["done"])
