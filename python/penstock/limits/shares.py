"""Which part of every limit this process may use, agreed with the others by what each has announced. Pure: time is handed in.

While Redis can be reached all processes count in shared windows. One that cannot reach it keeps windows of its own and uses a
share, one part in 2P of every limit for P processes. Processes announce in their heartbeat (a row in PostgreSQL) the share they
keep; 0 parts: none, they use the shared windows. Whoever uses the shared windows leaves out what the others have announced.
Nothing is sent twice over, though views are old and changes are seen late, because of six rules. Let S be the longest time a
grant may count, and F the age up to which a view of the rows may be used; both are longer than anything that matters lasts.

1. A view ages from before it was read. Without one that is younger than F a process grants nothing.
2. A share is announced before it is used: use begins F + S after the beat that told of it. A smaller one is used at once and
   told S later. So what a process uses at t is announced, in the table, through all of [t - F - S, t + S].
3. A share is never more than one part in 2P, with P as counted in the view in use.
4. Shared windows are entered in the beat that announces 0, so that the view in use was read after it.
5. A row that has vanished counts for another F + S. Rows with shares are never removed, they grow old: TTL >= F + S.
6. After a gap of F in its beats a process begins as if it were new, without a share.

Shared and local. Let the last shared grant in a window of length W <= S happen at t, with a view read at r, t - F <= r <= t.
All that was granted from shared windows in that window is at most the limit less what was announced at r. A local grant in the
same window, at u with |u - t| < S, used a share that was announced throughout [u - F - S, u + S], which contains r: it was
left out. So both together are at most the limit.

Local and local. Let J be the processes with local grants in one window. When one of them grants, at u, its view was read after
u - F, and each other's row was there by then: its own grant is less than S away, and it waited F + S after its row appeared.
So each counts P >= |J| and uses at most limit / 2P; together they use at most half of the limit.

When everybody else keeps a share already, none waits for old views of the shared windows to age: nobody has one. They stopped
before they announced, and enter again only with a view read later (4). Then use begins S after the view that showed it. Between
local processes the wait of F still counts from the time a process was first seen.
"""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from penstock.limits.quota import Quota

FRESH_S: Final = 2.5
"""F: a view of the others is used no longer. A heartbeat beats every second, so two may fail."""
_ASK_AGAIN_S: Final = 0.1


class Peer(Struct, frozen=True):
    """Another process that sends, as its row says."""

    worker: str
    parts: int
    """It keeps one part in so many of every limit; 0: none."""


class Portion(Struct, frozen=True):
    """What this process may use of every limit."""

    parts: int = 0
    """One part in so many, counted in its own windows; 0: what the others leave, counted in the shared ones."""
    reserved: tuple[int, ...] = ()
    """The parts that others keep."""

    def of(self, quota: Quota) -> Quota:
        """Return the quota as it is for this process. Shares are rounded down, so that together they never exceed it."""
        if self.parts:
            return quota.lowered(quota.limit // self.parts)
        if not self.reserved:
            return quota
        return quota.lowered(max(0, quota.limit - sum(quota.limit // parts for parts in self.reserved)))


WHOLE: Final = Portion()


class _Row(Struct):
    """What is remembered of another process."""

    parts: int
    gone_at: float | None = None


class Shares:
    """One process's view and what follows from it. All times are its own monotonic seconds."""

    def __init__(self, span_s: float, fresh_s: float = FRESH_S) -> None:
        """`span_s`: S, with the age a permit may have when it is used."""
        self.span_s = span_s
        self.fresh_s = fresh_s
        self._rows: dict[str, _Row] = {}
        self._seen_at = self._known_since = float("-inf")
        self._is_away = False
        self._is_shared = False
        self._used = 0
        self._rising, self._rises_at = 0, 0.0
        self._past, self._past_until = 0, float("-inf")

    @property
    def ttl_s(self) -> float:
        """How long a silent process must be counted by the others, at least."""
        return self.fresh_s + self.span_s

    @property
    def processes(self) -> int:
        """P: how many processes send; this one is among them."""
        return len(self._rows) + 1

    @property
    def locals(self) -> int:
        """How many of the others keep a share."""
        return sum(1 for row in self._rows.values() if row.parts)

    @property
    def is_changing(self) -> bool:
        """Whether the next beat is waited for."""
        return not self._is_shared and not self._used

    def portion(self, now: float) -> Portion | None:
        """Return what may be used now; None: nothing."""
        if now - self._seen_at >= self.fresh_s:
            return None
        if self._rising and now >= self._rises_at:
            self._used, self._rising = self._rising, 0
        if self._used:
            return Portion(self._used)
        if not self._is_shared:
            return None
        reserved = tuple(row.parts for row in self._rows.values() if row.parts)
        return Portion(reserved=reserved) if reserved else WHOLE

    def wait_s(self, now: float) -> float:
        """Return the seconds after which asking again may succeed while nothing may be used."""
        return max(self._rises_at - now, _ASK_AGAIN_S) if self._rising else _ASK_AGAIN_S

    def lose(self) -> None:
        """Leave the shared windows, which cannot be reached; a share follows."""
        self._is_away, self._is_shared = True, False

    def regain(self, now: float) -> None:
        """Give the share up, for the shared windows answer; they are entered one span and one beat later."""
        self._is_away, self._rising = False, 0
        self._lower(now, 0)

    def to_announce(self, now: float) -> int:
        """Return the parts for the row: the largest share of those wanted, used, and used so lately that it still counts."""
        wanted = 2 * self.processes if self._is_away else 0
        past = self._past if now < self._past_until else 0
        return min((parts for parts in (wanted, self._used, past) if parts), default=0)

    def see(self, began: float, now: float, announced: int, peers: Iterable[Peer]) -> None:
        """Take in a beat: it began and ended at these times, wrote these parts, and then read the others' rows."""
        if now - self._seen_at >= self.fresh_s:
            self._known_since, self._rising = now, 0
            self._lower(now, 0)
        self._seen_at = began
        self._note_rows(now, peers)
        smallest = 2 * self.processes
        if self._used and smallest > self._used:
            self._lower(now, smallest)
        self._rising = self._rising and max(self._rising, smallest)
        if self._is_away:
            self._rise(now, announced, smallest)
        elif not announced:
            self._is_shared = True

    def _note_rows(self, now: float, peers: Iterable[Peer]) -> None:
        seen = {peer.worker: _Row(peer.parts) for peer in peers}
        for worker, row in self._rows.items():
            gone_at = now if row.gone_at is None else row.gone_at
            if worker not in seen and now - gone_at < self.ttl_s:
                seen[worker] = _Row(row.parts, gone_at)
        self._rows = seen

    def _lower(self, now: float, parts: int) -> None:
        """Use a smaller share, or none, from now on; the one that was used counts for another span."""
        if self._used:
            past = self._past if now < self._past_until else self._used
            self._past, self._past_until = min(past, self._used), now + self.span_s
        self._used = parts

    def _rise(self, now: float, announced: int, smallest: int) -> None:
        """Use what was announced once nobody can hold a view in which it was not."""
        is_larger = announced and (not self._used or max(announced, smallest) < self._used)
        if is_larger and not (self._rising and self._rising <= max(announced, smallest)):
            self._rising, self._rises_at = max(announced, smallest), now + self.fresh_s + self.span_s
        if self._rising and self.locals == len(self._rows):
            nobody_else = max(now, self._known_since + self.fresh_s) + self.span_s
            self._rises_at = min(self._rises_at, nobody_else)
