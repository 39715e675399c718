"""Acts of operators, as they are written down: who did what to whom. Never with a key, a number or a text of anybody."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct, field

from penstock.domain.ids import AccountId, BatchId, KeyId, TenantId

ADMIN: Final = "admin"
"""Whoever holds the operator's key."""


class Action(StrEnum):
    """What can be done."""

    TENANT_CREATE = "tenant.create"
    TENANT_CHANGE = "tenant.change"
    TENANT_DEACTIVATE = "tenant.deactivate"
    TENANT_ACTIVATE = "tenant.activate"
    KEY_CREATE = "key.create"
    KEY_ROTATE = "key.rotate"
    KEY_REVOKE = "key.revoke"
    BATCH_RESOLVE = "batch.resolve"
    ACCOUNT_HOLD = "account.hold"
    ACCOUNT_RELEASE = "account.release"
    ACCOUNT_CHANGE = "account.change"
    ACCOUNT_PROBE = "account.probe"
    DEAD_LETTER_REDRIVE = "dead_letter.redrive"
    DEAD_LETTER_CANCEL = "dead_letter.cancel"


class Act(Struct, frozen=True, kw_only=True):
    """One act, to be written in the transaction that does it."""

    actor: str
    action: Action
    tenant_id: TenantId | None
    subject: str
    """What was acted upon: `tenant:3`, `key:17`, `batch:40`."""
    detail: Mapping[str, object] = field(default_factory=dict)


def by_key(key_id: KeyId) -> str:
    """A tenant's own act, by one of its keys."""
    return f"key:{key_id}"


def by_command(user: str) -> str:
    """An act at the command line, by an account of the operating system."""
    return f"cli:{user}"


def tenant_subject(tenant_id: TenantId) -> str:
    """A tenant as the subject of an act."""
    return f"tenant:{tenant_id}"


def key_subject(key_id: KeyId) -> str:
    """A key as the subject of an act."""
    return f"key:{key_id}"


def account_subject(account_id: AccountId) -> str:
    """A traffic account as the subject of an act."""
    return f"account:{account_id}"


def batch_subject(batch_id: BatchId) -> str:
    """A batch as the subject of an act."""
    return f"batch:{batch_id}"
