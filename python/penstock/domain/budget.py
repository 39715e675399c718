"""How many questions may be put to the provider now: never more than so many in any second, whoever asks. Pure."""

from collections import deque


class Budget:
    """A sliding window of one second over the times of the last questions."""

    def __init__(self, per_s: int, now: float) -> None:
        """It begins used up: the process before this one may have asked a moment ago."""
        self._asked = deque([now] * per_s, maxlen=per_s)

    def take(self, want: int, now: float) -> int:
        """How many of `want` may be asked at the monotonic time `now`; they count as asked."""
        taken = 0
        while taken < want and self._asked and now - self._asked[0] >= 1:
            self._asked.append(now)
            taken += 1
        return taken
