"""Who is calling: `Authorization: Bearer pk_…`, looked up by its SHA-256. The key itself is kept nowhere.

The look-up runs on the callers' connections, as a stranger to whom the database answers about one key: keys that are none must
not take connections from the stages.

Not for the operator's key or the provider's secret: those open other doors.
"""

import hashlib
import re
from collections.abc import Callable
from typing import Final

from aiohttp import web
from msgspec import Struct

from penstock.clock import Clock
from penstock.domain.errors import NotAllowedError, UnauthenticatedError
from penstock.domain.ids import KeyId, TenantId
from penstock.domain.keys import Scope
from penstock.domain.tenant import TenantSettings
from penstock.store import keys
from penstock.store.keys import KeyOwner
from penstock.store.pool import Store

_CREDENTIAL: Final = re.compile(r"(?i:bearer) +(pk_[A-Za-z0-9_-]{8,120})")

ADVICE: Final = "Send an API key (pk_…) in the header Authorization, after the word Bearer."
"""Worded so that the redaction of details leaves it as it is."""

REMEMBERED_S: Final = 1.0
"""A key that was good is believed for so long, or until its end: a revoked one closes within a second."""
REMEMBERED_KEYS: Final = 1024


class Caller(Struct, frozen=True):
    """The tenant behind a request, and what its key opens."""

    tenant_id: TenantId
    key_hash: bytes
    """Seals what only this caller may read back, such as a cursor over numbers."""
    key_id: KeyId
    scopes: frozenset[Scope]
    settings: TenantSettings

    def require(self, scope: Scope) -> None:
        """Raise NotAllowedError when the key does not open this."""
        if scope not in self.scopes:
            raise NotAllowedError(f"This key does not have the scope {scope}.")


class Authenticator:
    """Finds the tenant of a key."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: dict[bytes, tuple[float, Caller]] = {}

    async def authenticate(self, request: web.Request, *, check_stranger: Callable[[web.Request], None]) -> Caller:
        """The caller. Raises UnauthenticatedError, the same for a missing, a malformed and an unknown key.

        `check_stranger` may refuse a request whose key was not good here lately, before it is looked up.
        """
        given = _CREDENTIAL.fullmatch(request.headers.get("Authorization", ""))
        if given is None:
            raise UnauthenticatedError(ADVICE)
        key_hash = hashlib.sha256(given[1].encode()).digest()
        now = self._clock.monotonic()
        until, caller = self._known.get(key_hash, (now, None))
        if caller is not None and until > now:
            return caller
        if caller is None:
            check_stranger(request)
        owner = await self._find(key_hash)
        if owner is None:
            self._known.pop(key_hash, None)
            raise UnauthenticatedError(ADVICE)
        caller = Caller(owner.tenant_id, key_hash, owner.key_id, owner.scopes, owner.settings)
        left_s = REMEMBERED_S if owner.expires_in_s is None else min(REMEMBERED_S, owner.expires_in_s)
        return self._remember(caller, now + left_s)

    def forget(self, tenant_id: TenantId) -> None:
        """Look the tenant's keys up again: something of it was changed here. Other processes need their second."""
        self._known = {key_hash: known for key_hash, known in self._known.items() if known[1].tenant_id != tenant_id}

    async def _find(self, key_hash: bytes) -> KeyOwner | None:
        async with self._store.stranger() as connection:
            owner = await keys.find_key_owner(connection, key_hash)
        if owner is not None and owner.is_use_unrecorded:
            async with self._store.tenant(owner.tenant_id) as connection:
                await keys.record_key_use(connection, owner.tenant_id, owner.key_id)
        return owner

    def _remember(self, caller: Caller, until: float) -> Caller:
        self._known.pop(caller.key_hash, None)
        if len(self._known) >= REMEMBERED_KEYS:
            self._known.pop(next(iter(self._known)))
        self._known[caller.key_hash] = (until, caller)
        return caller
