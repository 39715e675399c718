"""API keys are made, replaced and revoked: by operators, or by a tenant's own key. Each act is written to the audit log.

Each works in a transaction that its caller opens. Not for finding out who calls: that is api/auth.py.
"""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from penstock.domain.audit import Act, Action, key_subject
from penstock.domain.errors import InvalidValueError, NotAllowedError, NotFoundError, StateConflictError
from penstock.domain.ids import KeyId, TenantId
from penstock.domain.keys import RANDOM_BYTES, NewKey, Scope, new_key
from penstock.store import audit, keys
from penstock.store.keys import ApiKey
from penstock.store.pool import Connection

LONGEST_LIFE: Final = timedelta(days=3660)
"""A key that should last longer is one without an end."""
EVERYTHING: Final = frozenset(Scope)

Random = Callable[[int], bytes]
"""So many random bytes."""


class KeyPlan(Struct, frozen=True, kw_only=True):
    """What is decided about a new key."""

    label: str
    scopes: frozenset[Scope]
    expires_at: datetime | None = None


class MadeKey(Struct, frozen=True):
    """A new key: as it can be shown from now on, and as it can be shown this once."""

    key: ApiKey
    new: NewKey


def check_end(expires_at: datetime | None, now: datetime) -> None:
    """Raise InvalidValueError for an end that is not ahead, or so far ahead that it is none."""
    if expires_at is not None and not timedelta() < expires_at - now <= LONGEST_LIFE:
        raise InvalidValueError("A key ends in the future, within ten years; or leave the end out.", pointer="/expires_at")


def check_giver(giver: Collection[Scope], wanted: Collection[Scope]) -> None:
    """Raise NotAllowedError when a key would give more than it has."""
    if excess := sorted(set(wanted) - set(giver)):
        raise NotAllowedError(f"A key cannot give what it does not have: {', '.join(excess)}.")


async def make_key(connection: Connection, actor: str, tenant_id: TenantId, plan: KeyPlan, random: Random) -> MadeKey:
    """A new key of an existing tenant."""
    made = await _make(connection, tenant_id, plan, random)
    subject = (tenant_id, made.key.key_id)
    await _record(connection, actor, Action.KEY_CREATE, subject, scopes=sorted(plan.scopes), expires_at=plan.expires_at)
    return made


async def rotate_key(  # noqa: PLR0913 - who, what and how
    connection: Connection, actor: str, tenant_id: TenantId, key_id: KeyId, *,
    overlap: timedelta, random: Random, giver: Collection[Scope] = EVERYTHING,
) -> MadeKey:  # fmt: skip
    """A new key in place of this one, for the same and for as long; the old one still opens for `overlap`."""
    old = await keys.lock_key(connection, tenant_id, key_id)
    if old is None:
        raise NotFoundError("There is no such key.")
    check_giver(giver, old.scopes)
    if not old.is_live:
        raise StateConflictError("The key is revoked or expired: make a new one.")
    plan = KeyPlan(label=old.label, scopes=old.scopes, expires_at=old.renewed_until)
    made = await _make(connection, tenant_id, plan, random)
    await keys.expire_key(connection, tenant_id, key_id, overlap)
    seconds = overlap // timedelta(seconds=1)
    await _record(connection, actor, Action.KEY_ROTATE, (tenant_id, key_id), new_key=made.key.key_id, overlap_s=seconds)
    return made


async def revoke_key(connection: Connection, actor: str, tenant_id: TenantId, key_id: KeyId) -> bool:
    """Close the key; whether it was not revoked before. Raises NotFoundError."""
    if await keys.revoke_key(connection, tenant_id, key_id):
        await _record(connection, actor, Action.KEY_REVOKE, (tenant_id, key_id))
        return True
    await find_key(connection, tenant_id, key_id)
    return False


async def find_key(connection: Connection, tenant_id: TenantId, key_id: KeyId) -> ApiKey:
    """The tenant's key of that id. Raises NotFoundError, also for another tenant's."""
    key = await keys.get_key(connection, tenant_id, key_id)
    if key is None:
        raise NotFoundError("There is no such key.")
    return key


async def _make(connection: Connection, tenant_id: TenantId, plan: KeyPlan, random: Random) -> MadeKey:
    new = new_key(random(RANDOM_BYTES))
    key_id = await keys.create_key(connection, tenant_id, new, plan.label, scopes=plan.scopes, expires_at=plan.expires_at)
    return MadeKey(await find_key(connection, tenant_id, key_id), new)


async def _record(
    connection: Connection, actor: str, action: Action, subject: tuple[TenantId, KeyId], **detail: object
) -> None:
    tenant_id, key_id = subject
    act = Act(actor=actor, action=action, tenant_id=tenant_id, subject=key_subject(key_id), detail=detail)
    await audit.record_act(connection, act)
