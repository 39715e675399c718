"""The room that a chosen lane takes among the senders, given back once."""

from penstock.dispatch.choose import Chooser
from penstock.domain.fairness import Lane


class Place:
    """Taken when the lane was chosen."""

    def __init__(self, chooser: Chooser, lane: Lane) -> None:
        self.lane = lane
        self._chooser = chooser
        self._is_taken = True

    def hand_over(self) -> None:
        """The provider has accepted the batch: while it is recorded, a spare sender may be on its way with the next one.

        Not after any other answer: that may hold up the account, so nobody goes before it is recorded.
        """
        if self._is_taken:
            self._is_taken = False
            self._chooser.hand_over(self.lane)

    def give_back(self) -> None:
        """At the latest when the batch is recorded; may be called again."""
        if self._is_taken:
            self._is_taken = False
            self._chooser.done(self.lane)
