"""Identifiers, as distinct types. Time and random bits are handed in: the domain has neither."""

from typing import Final, NewType
from uuid import UUID

TenantId = NewType("TenantId", int)
KeyId = NewType("KeyId", int)
CampaignId = NewType("CampaignId", UUID)
AttemptId = NewType("AttemptId", UUID)
BatchId = NewType("BatchId", int)
AccountId = NewType("AccountId", str)
"""A Mitto traffic account."""

RANDOM_BYTES: Final = 10


def uuid7(unix_ms: int, random: bytes) -> UUID:
    """A version 7 UUID (RFC 9562 §5.7) of a Unix time in milliseconds and ten random bytes."""
    value = (unix_ms & (1 << 48) - 1) << 80 | int.from_bytes(random[:RANDOM_BYTES], "big")
    value = value & ~(0xF << 76) | 0x7 << 76
    value = value & ~(0x3 << 62) | 0x2 << 62
    return UUID(int=value)


def message_id(campaign_id: CampaignId, seq: int) -> str:
    """The public name of a message: opaque to callers, its campaign and sequence number to us."""
    return f"{message_id_prefix(campaign_id)}{seq}"


def message_id_prefix(campaign_id: CampaignId) -> str:
    """What stands before the sequence number in the name of each of its messages."""
    return f"{campaign_id.hex}-"


def parse_message_id(text: str) -> tuple[CampaignId, int] | None:
    """The campaign and sequence number of a public message id, or None if it cannot be one."""
    head, dash, tail = text.partition("-")
    if len(head) != 32 or not dash or not tail.isascii() or not tail.isdigit() or len(tail) > 9:  # noqa: PLR2004
        return None
    try:
        return CampaignId(UUID(hex=head)), int(tail)
    except ValueError:
        return None
