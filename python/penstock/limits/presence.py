"""Whether the shared windows can be reached: what a process believes between calls. Pure; time is handed in.

Away when calls have failed for a quarter of a second and none has succeeded meanwhile, so that one lost packet changes nothing;
back when a probe, never on the hot path, was answered. While they are away nobody waits for them.
"""

from typing import Final

AWAY_AFTER_S: Final = 0.25
PROBE_EVERY_S: Final = 0.5


class Presence:
    """Here at first."""

    def __init__(self) -> None:
        self.is_away = False
        self._failing_since: float | None = None

    def note_answer(self) -> None:
        """A call was answered; a late one does not bring back what is known to be away."""
        self._failing_since = None

    def note_failure(self, now: float) -> bool:
        """A call was not answered; whether that is why they count as away from now on."""
        if self._failing_since is None:
            self._failing_since = now
        if self.is_away or now - self._failing_since < AWAY_AFTER_S:
            return False
        self.is_away = True
        return True

    def note_return(self) -> None:
        """The probe was answered."""
        self.is_away = False
        self._failing_since = None
