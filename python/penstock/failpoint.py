"""Named points at which a test ends this process, to prove that nothing is lost or sent twice wherever it dies.

Nothing happens at a point unless it was armed at the start, which only mock mode allows.
"""

import os
import signal
from enum import StrEnum
from typing import Final

from msgspec import Struct

NAME: Final = "PENSTOCK_FAILPOINT"
"""In the environment, as `send.after_claim:3`: SIGKILL at the third hit; `send.before_write:1:stop` sends SIGSTOP instead.

Not one of the settings: no operator needs it."""

_SIGNALS: Final = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP}


class Point(StrEnum):
    """Where a process may end. Each is reached in one place."""

    API_BEFORE_COMMIT = "api.before_commit"
    """A request with a key has had its effect, and nothing of it is durable."""
    API_AFTER_COMMIT = "api.after_commit"
    """It is durable, and its caller does not know."""
    SINGLES_BEFORE_COMMIT = "singles.before_commit"
    SINGLES_AFTER_COMMIT = "singles.after_commit"
    UPLOAD_BEFORE_COMMIT = "upload.before_commit"
    """A chunk of an upload is written, and not durable."""
    UPLOAD_AFTER_COMMIT = "upload.after_commit"
    UPLOAD_BEFORE_COMPLETE = "upload.before_complete"
    """Every chunk is durable, and the upload still counts as open."""
    UPLOAD_AFTER_COMPLETE = "upload.after_complete"
    SEND_AT_WORK = "send.at_work"
    """Inside the claim's transaction: a request is being made of the batch, which may be what ends the process."""
    SEND_AFTER_CLAIM = "send.after_claim"
    """Inside the claim's transaction: batch and attempt are written, and not durable."""
    SEND_BEFORE_WRITE = "send.before_write"
    """The attempt is durable, and no byte has left."""
    SEND_AFTER_WRITE = "send.after_write"
    """The provider has the request and begins to answer."""
    SEND_AFTER_RESPONSE = "send.after_response"
    """The whole answer is here, and only in memory."""
    SEND_AFTER_SPOOL = "send.after_spool"
    """The answer is on the local disk, and not in the database."""
    SETTLE_BEFORE_COMMIT = "settle.before_commit"
    SETTLE_AFTER_COMMIT = "settle.after_commit"
    """The outcome is durable, and its answer still lies in the spool."""
    RECEIPTS_BEFORE_STORE = "receipts.before_store"
    RECEIPTS_AFTER_STORE = "receipts.after_store"
    """Reports are durable, and the provider does not know."""
    RECEIPTS_BEFORE_APPLY = "receipts.before_apply"
    """Inside the transaction that applies stored reports."""
    RECEIPTS_AFTER_APPLY = "receipts.after_apply"
    RECOVER_BEFORE_COMMIT = "recover.before_commit"
    """Inside the transaction that gives up an attempt of a dead process."""
    RECOVER_AFTER_COMMIT = "recover.after_commit"
    RETENTION_BEFORE_MARK = "retention.before_mark"
    """The campaigns of a month are marked, and it is not durable."""
    RETENTION_AFTER_MARK = "retention.after_mark"
    """Their messages count as gone, and all of them are there."""
    RETENTION_AFTER_STEP = "retention.after_step"
    """Of what stands beside them a part is gone."""
    RETENTION_BEFORE_DROP = "retention.before_drop"
    """All of that is gone, and the messages are there."""
    RETENTION_AFTER_DROP = "retention.after_drop"
    MIGRATE_BEFORE_COMMIT = "migrate.before_commit"
    MIGRATE_AFTER_COMMIT = "migrate.after_commit"


class Strike(Struct):
    """What happens where."""

    point: Point
    hits: int
    """Until it strikes."""
    signal: signal.Signals


_armed: Strike | None = None


def read(text: str) -> Strike:
    """The strike that a text names. Raises ValueError."""
    point, _, rest = text.partition(":")
    hits, _, deed = rest.partition(":")
    try:
        return Strike(Point(point), int(hits), _SIGNALS[deed or "kill"])
    except (ValueError, KeyError):
        raise ValueError("expected a point and a hit, such as send.after_claim:1") from None


def arm(strike: Strike) -> None:
    """Let one point strike, once, in this process."""
    global _armed  # noqa: PLW0603 - armed before anything runs
    _armed = strike


def reach(point: Point) -> None:
    """Be at a point: nothing happens, but at the one that is armed."""
    if _armed is None or _armed.point is not point:
        return
    _armed.hits -= 1
    if _armed.hits == 0:
        os.kill(os.getpid(), _armed.signal)
