"""API keys: `pk_` and 32 random bytes. Only the hash is stored, so a key can be shown once, when it is made."""

import base64
import hashlib
from enum import StrEnum
from typing import Final

from msgspec import Struct

RANDOM_BYTES: Final = 32
SHOWN_CHARACTERS: Final = 9
"""Of the text, `pk_` included: enough to tell keys apart, far from enough to guess one."""


class Scope(StrEnum):
    """What a key opens; none includes another."""

    SEND = "send"
    """Create, fill, start and stop campaigns and messages; opt-outs."""
    READ = "read"
    """Look at everything of the tenant."""
    MANAGE = "manage"
    """The tenant's own keys and settings."""


class NewKey(Struct, frozen=True):
    """A key that was just made."""

    text: str
    prefix: str
    digest: bytes

    def __repr__(self) -> str:
        return f"NewKey({self.prefix}…)"


def new_key(random: bytes) -> NewKey:
    """A key of these random bytes."""
    text = "pk_" + base64.urlsafe_b64encode(random).decode().rstrip("=")
    return NewKey(text, text[:SHOWN_CHARACTERS], digest(text))


def digest(key: str) -> bytes:
    """What is stored of a key: SHA-256. It is random and long, so a slow hash would add nothing."""
    return hashlib.sha256(key.encode()).digest()
