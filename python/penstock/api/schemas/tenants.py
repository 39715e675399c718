"""Tenants and the record of what was done to them: what is asked for and what is shown."""

from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from penstock.api.schemas.forms import Instant, QuietHours, Region, Request
from penstock.domain.tenant import MOST_REQUESTS, CallLimits
from penstock.ingest.tenants import MOST_NAME_CHARS, SettingChanges

Bound = Annotated[int, Meta(ge=0, le=1_000_000_000)]


class OwnLimits(Request, frozen=True, kw_only=True):
    """How often a tenant may call; null: as everybody, 0: without a limit."""

    calls_per_s: Bound | None = None
    calls_per_hour: Bound | None = None
    calls_per_day: Bound | None = None
    sends_per_hour: Annotated[Bound | None, Meta(description="Calls that send, with each of its keys.")] = None


class OwnSettingsChange(Request, frozen=True, kw_only=True):
    """What a tenant changes itself. A field that is absent stays as it is, null resets it."""

    sender: Annotated[str, Meta(max_length=16)] | UnsetType | None = UNSET
    default_region: Region | UnsetType | None = UNSET
    idempotency: Literal["key", "key_and_body"] | UnsetType | None = UNSET
    quiet_hours: QuietHours | UnsetType | None = UNSET

    def changes(self) -> SettingChanges:
        """The fields that are given."""
        given = {name: value for name, value in msgspec.structs.asdict(self).items() if value is not UNSET}
        return {name: _stored(value) for name, value in given.items()}


class SettingsChange(OwnSettingsChange, frozen=True, kw_only=True):
    """What an operator changes: also who is billed, how often it may call, and what a window of the provider may hold."""

    traffic_account_id: Annotated[str, Meta(max_length=64)] | UnsetType | None = UNSET
    requests_max: Annotated[int, Meta(ge=1, le=MOST_REQUESTS)] | UnsetType | None = UNSET
    limits: OwnLimits | Literal["trial"] | UnsetType | None = UNSET


def _stored(value: object) -> object:
    """As the tenant's settings have it."""
    match value:
        case OwnLimits():
            return CallLimits(**msgspec.structs.asdict(value))
        case QuietHours():
            return value.rule()
        case _:
            return value


class OwnTenantChange(Request, frozen=True, kw_only=True):
    """Changes that a tenant makes itself."""

    settings: OwnSettingsChange


class TenantChange(Request, frozen=True, kw_only=True):
    """Changes that an operator makes."""

    settings: SettingsChange


class NewTenant(Request, frozen=True, kw_only=True):
    """What a tenant is to be."""

    name: Annotated[str, Meta(min_length=1, max_length=MOST_NAME_CHARS)]
    settings: SettingsChange = SettingsChange()


class SettingsView(Struct, frozen=True, kw_only=True):
    """A tenant's settings, every field; null: the gateway's own."""

    sender: str | None
    traffic_account_id: str | None
    default_region: str | None
    idempotency: Literal["key", "key_and_body"]
    quiet_hours: QuietHours | None
    """Of campaigns that do not say otherwise when they are made; null: at any hour."""
    requests_max: int | None
    limits: OwnLimits | Literal["trial"] | None


class TenantView(Struct, frozen=True, kw_only=True):
    """A tenant."""

    id: int
    name: str
    state: Literal["active", "deactivated"]
    created_at: Instant
    deactivated_at: Instant | None
    settings: SettingsView


class ActView(Struct, frozen=True, kw_only=True):
    """An act of an operator, or of a tenant over its own keys and settings."""

    id: int
    at: Instant
    actor: str
    action: str
    tenant_id: int | None
    subject: str
    detail: dict[str, Any]
