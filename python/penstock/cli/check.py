"""`penstock check`: is everything here that a gateway needs, and what is in force."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli.failure import CommandError

if TYPE_CHECKING:
    from penstock.config import Settings


def check(
    *,
    config_only: Annotated[bool, typer.Option("--config", help="Print the settings in force and stop.")] = False,
    reference_to: Annotated[
        str | None,
        typer.Option("--probe-reference", metavar="NUMBER", help="Send one real SMS there: do references come back?"),
    ] = None,
    is_sure: Annotated[bool, typer.Option("--yes", help="Send it without asking.")] = False,
) -> None:
    """Check settings, servers and schema.

    Exit code 1 if something is wrong, 2 if the settings do not hold together.
    """
    from penstock.cli.environment import read_settings

    settings = read_settings()
    if config_only:
        _print_settings(settings)
        return
    if reference_to is not None:
        from penstock.cli.probe import probe_reference

        probe_reference(settings, reference_to, is_sure=is_sure)
        return
    problems = asyncio.run(_check(settings))
    if problems:
        raise CommandError(*problems)
    print("ok")


def _print_settings(settings: "Settings") -> None:
    """As they are written in the environment; secrets masked, what is not set as a comment."""
    import msgspec

    from penstock.cli.setting_text import write_setting
    from penstock.config import environment_name

    for section in msgspec.structs.fields(settings):
        values = getattr(settings, section.name)
        for field in msgspec.structs.fields(values):
            name, text = environment_name(section.name, field.name), write_setting(getattr(values, field.name))
            print(f"# {name} is not set" if text is None else f"{name}={text}")


async def _check(settings: "Settings") -> list[str]:
    """What is wrong; prints what was found on the way."""
    from penstock import __version__, _core
    from penstock.cli.environment import running_servers

    print(
        f"penstock {__version__}, core {_core.__version__}, codec {_core.CODEC_VERSION},"
        f" numbering {_core.NUMBER_METADATA_VERSION}, mode {settings.mode}"
    )
    with running_servers(settings) as running:
        return [*await _check_database(running), *await _check_redis(running)]


async def _check_database(settings: "Settings") -> list[str]:
    from penstock.domain.errors import UnavailableError
    from penstock.store import system
    from penstock.store.migrate import SchemaMismatchError, check_schema
    from penstock.store.pool import connect
    from penstock.store.roles import SECOND_WALL_OFF, is_wall_up

    assert settings.database.url is not None  # noqa: S101 - running_servers fills it in
    try:
        connection = await connect(settings.database.url.reveal())
    except UnavailableError:
        return ["PostgreSQL is not reachable: check DATABASE_URL"]
    try:
        print(f"PostgreSQL {await system.server_version(connection)}")
        await check_schema(connection, settings.mode)
        wall = "on" if await is_wall_up(connection) else f"off: {SECOND_WALL_OFF}"
        print(f"second wall between tenants {wall}")
        if not await system.keeps_session(connection):
            return ["DATABASE_URL leads through a transaction pooler: use session pooling or a direct connection"]
    except SchemaMismatchError as error:
        return [str(error)]
    finally:
        await connection.close()
    return []


async def _check_redis(settings: "Settings") -> list[str]:
    from penstock.clock import SystemClock
    from penstock.limits.demand import WindowsAwayError
    from penstock.limits.limiter import Limiter
    from penstock.telemetry.metrics import Metrics

    limiter = Limiter.open(
        settings.redis, settings.rate_limit, settings.mitto.max_segments_per_s, metrics=Metrics(""), clock=SystemClock()
    )
    try:
        await limiter.check()
    except WindowsAwayError:
        return ["Redis is not reachable: check REDIS_URL (sending would go on at a reduced rate)"]
    finally:
        await limiter.aclose()
    print("Redis answers")
    return []
