"""`penstock keys`: API keys of a tenant. A key is shown once, when it is made."""

import asyncio
import re
import secrets
import sys
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from penstock.cli.failure import CommandError

if TYPE_CHECKING:
    from penstock.domain.ids import KeyId
    from penstock.store.keys import ApiKey

app = typer.Typer(no_args_is_help=True)

TenantName = Annotated[str, typer.Argument(help="The tenant's name.")]
Key = Annotated[int, typer.Argument(help="The id that `keys list` shows.", min=1, max=(1 << 63) - 1)]
Label = Annotated[str, typer.Option(help="What it is for.")]
Scopes = Annotated[list[str] | None, typer.Option("--scope", help="send, read or manage; repeat it. Default: send and read.")]
Expires = Annotated[str | None, typer.Option(help="When it ends: in 90d or 12h, or at 2030-01-31T00:00:00Z. Default: never.")]
Overlap = Annotated[str, typer.Option(help="How long the old key still opens: 1d, 30m, 0.")]

_SPAN: Final = re.compile(r"(\d{1,5})([smhd])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_MOST_OVERLAP: Final = timedelta(days=30)


@app.command("create")
def create(tenant: TenantName, *, label: Label = "", scope: Scopes = None, expires: Expires = None) -> None:
    """Make a key and print it: the only time it can be seen."""
    _show_once(asyncio.run(_create(tenant, label, scope or ["send", "read"], expires)))


@app.command("list")
def list_(tenant: TenantName) -> None:
    """List a tenant's keys, by their first characters."""
    asyncio.run(_list(tenant))


@app.command("rotate")
def rotate(tenant: TenantName, key_id: Key, *, overlap: Overlap = "1d") -> None:
    """Replace a key by a new one for the same and for as long, and print it; the old one ends after the overlap."""
    _show_once(asyncio.run(_rotate(tenant, key_id, _read_overlap(overlap))))


@app.command("revoke")
def revoke(tenant: TenantName, key_id: Key) -> None:
    """Make a key useless from now on."""
    asyncio.run(_revoke(tenant, key_id))
    print(f"key {key_id} revoked")


def _show_once(text: str) -> None:
    print(text)
    if sys.stdout.isatty():
        print("Keep it: it is not shown again. Commands read it from PENSTOCK_API_KEY.", file=sys.stderr)


async def _create(tenant_name: str, label: str, scopes: list[str], expires: str | None) -> str:
    from penstock.cli.operator import actor, find_tenant, operating
    from penstock.clock import SystemClock
    from penstock.domain.keys import Scope
    from penstock.ingest.keys import KeyPlan, check_end, make_key

    try:
        chosen = frozenset(map(Scope, scopes))
    except ValueError:
        raise CommandError(f"a scope is one of {', '.join(Scope)}") from None
    now = SystemClock().now()
    async with operating() as connection:
        plan = KeyPlan(label=label, scopes=chosen, expires_at=_read_end(expires, now))
        check_end(plan.expires_at, now)
        tenant = await find_tenant(connection, tenant_name)
        made = await make_key(connection, actor(), tenant.tenant_id, plan, secrets.token_bytes)
    return made.new.text


async def _list(tenant_name: str) -> None:
    from penstock.cli.operator import find_tenant, operating
    from penstock.cli.tables import print_table
    from penstock.clock import SystemClock
    from penstock.store import keys

    found, after = [], keys.BEFORE_FIRST
    async with operating() as connection:
        tenant = await find_tenant(connection, tenant_name)
        while page := await keys.list_keys(connection, tenant.tenant_id, after):
            found += page
            after = page[-1].key_id
    now = SystemClock().now()
    columns = ("id", "key", "label", "scopes", "created", "ends", "last used", "state")
    print_table(columns, [_row(key, now) for key in found])


def _row(key: "ApiKey", now: datetime) -> tuple[str, ...]:
    times = [_time(instant) for instant in (key.created_at, key.expires_at, key.last_used_at)]
    return (str(key.key_id), f"{key.prefix}…", key.label, " ".join(sorted(key.scopes)), *times, key.state(now))


async def _rotate(tenant_name: str, key_id: int, overlap: timedelta) -> str:
    from penstock.cli.operator import actor, find_tenant, operating
    from penstock.ingest.keys import rotate_key

    async with operating() as connection:
        tenant = await find_tenant(connection, tenant_name)
        made = await rotate_key(connection, actor(), tenant.tenant_id, _id(key_id), overlap=overlap, random=secrets.token_bytes)
    return made.new.text


async def _revoke(tenant_name: str, key_id: int) -> None:
    from penstock.cli.operator import actor, find_tenant, operating
    from penstock.ingest.keys import revoke_key

    async with operating() as connection:
        tenant = await find_tenant(connection, tenant_name)
        await revoke_key(connection, actor(), tenant.tenant_id, _id(key_id))


def _id(number: int) -> "KeyId":
    from penstock.domain.ids import KeyId

    return KeyId(number)


def _read_end(text: str | None, now: datetime) -> datetime | None:
    """`90d` from now, or an instant with its zone."""
    if text is None:
        return None
    if (span := _read_span(text)) is not None:
        return now + span
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        instant = None
    if instant is None or instant.tzinfo is None:
        raise CommandError("--expires is a span such as 90d or 12h, or an instant such as 2030-01-31T00:00:00Z")
    return instant


def _read_overlap(text: str) -> timedelta:
    overlap = timedelta() if text == "0" else _read_span(text)
    if overlap is None or overlap > _MOST_OVERLAP:
        raise CommandError("--overlap is a span of up to 30 days, such as 1d, 30m or 0")
    return overlap


def _read_span(text: str) -> timedelta | None:
    match = _SPAN.fullmatch(text)
    return None if match is None else timedelta(**{_UNITS[match[2]]: int(match[1])})


def _time(instant: datetime | None) -> str:
    return "" if instant is None else instant.isoformat(" ", "seconds")
