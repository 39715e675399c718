"""What goes into sliding_window.lua and what comes out: values ⇄ words. No connection here."""

from collections.abc import Sequence
from importlib.resources import files
from typing import Any, Final

from msgspec import Struct

from penstock.limits.demand import KEY_PREFIX, Demand, Verdict

SOURCE: Final = files(__package__).joinpath("sliding_window.lua").read_text("utf-8")
EPOCH_KEY: Final = f"{KEY_PREFIX}epoch"
EPOCH_TTL_MS: Final = 24 * 3600 * 1000
"""After a day without a call the next one waits for an empty window again; a shorter life would cost more such waits."""

_HEAD = 4


class BadReplyError(Exception):
    """The reply is not an answer to this call."""


class Reply(Struct, frozen=True):
    """An answer of the script, with the server's time in microseconds."""

    now_us: int
    verdict: Verdict


def keys(demands: Sequence[Demand]) -> list[str]:
    """Return every key the script touches."""
    return [EPOCH_KEY, *(demand.key for demand in demands)]


def arguments(nonce: int, stamp: str, span_us: int, demands: Sequence[Demand]) -> list[int | str]:
    """Return the words that follow the keys; `nonce` comes back with the reply."""
    words: list[int | str] = [nonce, stamp, span_us, EPOCH_TTL_MS]
    for demand in demands:
        words += [demand.quota.limit, demand.quota.width_us, demand.least, demand.most]
    return words


def read_reply(reply: Any, nonce: int, demands: Sequence[Demand]) -> Reply:  # noqa: ANN401 - the driver does not say more
    """Read the verdict in a reply. Raises BadReplyError when it belongs to another call or has another shape."""
    try:
        answered, now_us, wait_us, blocker = int(reply[0]), int(reply[1]), int(reply[2]), int(reply[3])
        taken = tuple(int(amount) for amount in reply[_HEAD:])
    except (TypeError, ValueError, IndexError, KeyError) as error:
        raise BadReplyError("shape") from error
    if answered != nonce:
        raise BadReplyError("nonce")
    if blocker < 0:
        if len(taken) != len(demands):
            raise BadReplyError("length")
        return Reply(now_us, Verdict(taken))
    scope = demands[blocker - 1].scope if blocker else "window"
    return Reply(now_us, Verdict(wait_us=wait_us, blocker=scope))
