"""The operator's key: `Authorization: Bearer …`, compared in constant time.

Not for tenants' keys: those are looked up (api/auth.py).
"""

import hashlib
import hmac
import re
from typing import Final

from aiohttp import web

from penstock.domain.errors import UnauthenticatedError
from penstock.redact import Secret

_CREDENTIAL: Final = re.compile(r"(?i:bearer) +([\x21-\x7e]{1,1000})")


def require_operator(request: web.Request, admin_key: Secret) -> None:
    """Raise UnauthenticatedError, the same for a missing, a malformed and a wrong key."""
    given = _CREDENTIAL.fullmatch(request.headers.get("Authorization", ""))
    # Digests have one length: neither the content nor the length of the key shows in how long this takes.
    if given is None or not hmac.compare_digest(_digest(given[1]), _digest(admin_key.reveal())):
        raise UnauthenticatedError("Send the operator's key in the header Authorization, after the word Bearer.")


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()
