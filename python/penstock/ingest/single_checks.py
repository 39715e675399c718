"""What is asked for becomes messages, or the reason why not, one by one. No I/O."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from msgspec import Struct

from penstock import _core
from penstock.domain.errors import GatewayError, InvalidValueError
from penstock.domain.ids import AccountId
from penstock.domain.single import MOST_AHEAD, MOST_BEHIND, Single
from penstock.ingest.control import check_sender

LONGEST_REFERENCE: Final = 200


class Asked(Struct, frozen=True, kw_only=True):
    """A message as a caller wants it."""

    to: str
    text: str
    sender: str
    send_at: datetime | None = None
    reference: str | None = None


class Rules(Struct, frozen=True, kw_only=True):
    """What the caller's tenant and this moment add."""

    account_id: AccountId
    region: str | None
    """Of national numbers; None: there are none."""
    most_parts: int
    now: datetime


def check_messages(asked: Sequence[Asked], rules: Rules) -> list[Single | GatewayError]:
    """Each message, checked, or what is wrong with it; pointers are into the message itself."""
    numbers = _core.read_numbers([one.to for one in asked], rules.region)
    return [_check(one, number, rules) for one, number in zip(asked, numbers, strict=True)]


def _check(asked: Asked, number: int | None, rules: Rules) -> Single | GatewayError:
    try:
        if number is None:
            return InvalidValueError(_why_no_number(rules), pointer="/to")
        check_sender(asked.sender)
        if asked.reference is not None and not 1 <= len(asked.reference) <= LONGEST_REFERENCE:
            return InvalidValueError(f"A reference has 1 to {LONGEST_REFERENCE} characters.", pointer="/reference")
        return Single(
            account_id=rules.account_id, sender=asked.sender, number=number, text=asked.text,
            segments=_count_parts(asked.text, rules.most_parts), due_at=_due_at(asked.send_at, rules.now),
            reference=asked.reference,
        )  # fmt: skip
    except InvalidValueError as error:
        return error


def _why_no_number(rules: Rules) -> str:
    national = f", or a national number of {rules.region}" if rules.region else ""
    return f"A number is written as + and the digits of its country and itself{national}."


def _count_parts(text: str, most: int) -> int:
    if not text:
        raise InvalidValueError("A message needs a text.", pointer="/text")
    parts = _core.segments(text).parts
    if parts > most:
        raise InvalidValueError(f"The text takes {parts} parts and at most {most} are allowed.", pointer="/text")
    return parts


def _due_at(send_at: datetime | None, now: datetime) -> datetime | None:
    if send_at is None:
        return None
    if not -MOST_BEHIND <= send_at - now <= MOST_AHEAD:
        raise InvalidValueError(f"A message is sent now or within {MOST_AHEAD.days} days.", pointer="/send_at")
    return send_at if send_at > now else None
