"""What goes into sliding_window.lua and what comes out: values ⇄ words. No connection here."""

from collections.abc import Sequence
from hashlib import sha1
from importlib.resources import files
from struct import pack
from typing import Any, Final

from msgspec import Struct

from penstock.limits.demand import Demand, Epoch, Standing, Verdict, closed

SOURCE: Final = files(__package__).joinpath("sliding_window.lua").read_text("utf-8")
DIGEST: Final = sha1(SOURCE.encode()).hexdigest()  # noqa: S324 - the name under which the server keeps it
EPOCH_TTL_MS: Final = 24 * 3600 * 1000
"""After a day without a call the next one waits for an empty window again. A process that sends calls every hour."""

_FIELDS = 4


class BadReplyError(Exception):
    """The reply is not an answer to this call."""


class Reply(Struct, frozen=True):
    """An answer of the script, with the server's time in microseconds."""

    now_us: int
    verdict: Verdict


def keys(epoch: Epoch, demands: Sequence[Demand]) -> list[str]:
    """Return every key the script touches."""
    return [epoch.key, *[demand.key for demand in demands]]


def operands(nonce: int, epoch: Epoch, demands: Sequence[Demand]) -> tuple[int | str | bytes, ...]:
    """Return what follows the script in a call: how many keys, the keys, and one word with all the rest.

    All numbers travel in one word, as doubles: a word for each would cost the client more than the rest of the call. `nonce`
    comes back with the reply.
    """
    numbers: list[float] = [nonce, epoch.span_us, EPOCH_TTL_MS]
    for demand in demands:
        numbers += (demand.quota.limit, demand.quota.width_us, demand.least, demand.most, demand.returned, demand.returned_us)
    word = pack(f"<{len(numbers)}d", *numbers) + epoch.stamp.encode()
    return 1 + len(demands), *keys(epoch, demands), word


def read_reply(reply: Any, nonce: int, demands: Sequence[Demand]) -> Reply:  # noqa: ANN401 - the driver does not say more
    """Read the verdict in a reply. Raises BadReplyError when it belongs to another call or has another shape."""
    try:
        answered, now_us, wait_us, blocker, *fields = reply
    except (TypeError, ValueError) as error:
        raise BadReplyError("shape") from error
    if answered != nonce:
        raise BadReplyError("nonce")
    if not all(isinstance(word, int) for word in reply):
        raise BadReplyError("shape")
    if blocker == 0:
        return Reply(now_us, closed(demands, wait_us))
    if len(fields) != _FIELDS * len(demands) or blocker > len(demands):
        raise BadReplyError("length")
    standings = tuple(
        Standing(demand.scope, demand.quota.limit, *fields[at : at + _FIELDS])
        for at, demand in zip(range(0, len(fields), _FIELDS), demands, strict=True)
    )
    return Reply(now_us, Verdict(standings, demands[blocker - 1].scope if blocker > 0 else None, wait_us, now_us))
