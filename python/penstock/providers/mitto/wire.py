"""What Mitto's answer to a bulk send means: values → values, no sockets. The table is `judge`.

A request may be repeated only where it is certain that it was not accepted; everything doubtful is Unknown. Reasons are short
codes and never repeat what was sent or received.
"""

import re
from datetime import datetime
from http import HTTPStatus
from typing import assert_never

from penstock._core import read_bulk_answer
from penstock.domain.outcome import Accepted, Held, NotSent, Outcome, Refused, Split, Throttled, Unknown
from penstock.providers.mitto.complaint import names_account
from penstock.providers.mitto.retry_after import parse_retry_after
from penstock.providers.port import Answered, Disconnected, Reply, Unsent
from penstock.redact import MASK, redact_text

_DIGITS = re.compile(r"\d{7,}")


def judge(reply: Reply, expected: int, account_id: str, *, now: datetime) -> Outcome:
    """Say what a reply to a bulk request of `expected` messages on a traffic account came to; never raises."""
    match reply:
        case Unsent(reason):
            return NotSent(reason)
        case Disconnected(reason):
            return Unknown(reason)
        case Answered():
            return _judge_answer(reply, expected, account_id, now)
        case _:
            assert_never(reply)


def _judge_answer(answer: Answered, expected: int, account_id: str, now: datetime) -> Outcome:
    code = f"http_{answer.status}"
    match answer.status:
        case status if 200 <= status < 300:  # noqa: PLR2004 - every 2xx
            return _read_accepted(answer.body, expected)
        case 429:
            return Throttled(parse_retry_after(answer.retry_after, now))
        case 401 | 403 | 404:
            return Held(code)
        case 413:
            return Split(code, is_size=True)
        case 400 | 422:
            return _judge_refusal(answer, expected, account_id)
        case _:
            return Unknown(code)


def _judge_refusal(answer: Answered, expected: int, account_id: str) -> Outcome:
    """Judge a complete refusal of what the request says: the account's fault, one of several messages', or the only one's."""
    code = f"http_{answer.status}"
    if answer.status == HTTPStatus.BAD_REQUEST and names_account(answer.body, account_id):
        return Held(f"{code}_account")
    return Refused(code) if expected == 1 else Split(code)


def _read_accepted(body: bytes, expected: int) -> Outcome:
    """Read a complete 2xx: accepted only if it accounts for every position."""
    answer = read_bulk_answer(body, expected)
    if answer.reason is not None:
        return Unknown(f"answer_{answer.reason}", tuple(answer.ids))
    return Accepted(answer.positions, answer.ids, [(position, _mask(text)) for position, text in answer.refused])


def _mask(text: str) -> str:
    """Take the numbers out of the provider's words about one message."""
    return _DIGITS.sub(MASK, redact_text(text))
