"""`penstock serve`: the gateway."""

import asyncio
import signal
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from penstock.cli.failure import CommandError, clear_failures
from penstock.cli.overtime import UNFINISHED, Overtime

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from penstock.config import Settings
    from penstock.runtime import Runtime

Role = Literal["all", "api", "dispatch", "receipts", "jobs"]


def serve(
    role: Annotated[Role | None, typer.Option(help="Run only these services (default: PENSTOCK_ROLE, else all).")] = None,
) -> None:
    """Run the gateway until SIGTERM or Ctrl-C, then drain."""
    from penstock.cli.environment import environment, read_settings, running_servers
    from penstock.cli.mock import running_simulator
    from penstock.telemetry import logs

    settings = _with_role(read_settings(), role)
    logs.configure(private_fields=settings.log.private_fields)
    _arm_failpoint(environment())
    _announce_servers(settings)
    with running_servers(settings) as running, running_simulator(running) as complete, clear_failures():
        try:
            clean = _run(complete)
        except ExceptionGroup as group:
            raise CommandError(*_reasons(group)) from group
    if not clean:
        raise CommandError(UNFINISHED)


def _arm_failpoint(environment: "Mapping[str, str]") -> None:
    """For tests: the settings were refused if it is not one, or not mock mode."""
    import structlog

    from penstock import failpoint

    if (text := environment.get(failpoint.NAME)) is not None:
        failpoint.arm(failpoint.read(text))
        structlog.stdlib.get_logger("penstock").warning("failpoint_armed", failpoint=text)


def _reasons(group: ExceptionGroup[Exception]) -> list[str]:
    """A line for each kind of failure: ours say what to do, the others are in the log with their place."""
    import structlog

    from penstock.lifecycle import StartError

    lines = []
    for error in _leaves(group):
        if isinstance(error, StartError):
            lines.append(str(error))
        else:
            structlog.stdlib.get_logger("penstock").error("service_failed", exc_info=error)
            lines.append(f"stopped because a service failed ({type(error).__name__}); the log says where")
    return list(dict.fromkeys(lines))


def _leaves(group: ExceptionGroup[Exception]) -> list[Exception]:
    leaves: list[Exception] = []
    for error in group.exceptions:
        leaves += _leaves(error) if isinstance(error, ExceptionGroup) else [error]
    return leaves


def _with_role(settings: "Settings", role: Role | None) -> "Settings":
    import msgspec

    if role is not None:
        settings = msgspec.structs.replace(settings, general=msgspec.structs.replace(settings.general, role=role))
    if settings.mode == "mock" and settings.general.role != "all":
        raise CommandError(
            f"role {settings.general.role} cannot run alone in mock mode, because the embedded servers and the simulator "
            "belong to one process: give DATABASE_URL, REDIS_URL and MITTO_* to run roles apart",
            exit_code=2,
        )
    return settings


def _run(settings: "Settings") -> bool:
    import uvloop

    with Overtime() as overtime, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(settings, overtime))


async def _serve(settings: "Settings", overtime: Overtime) -> bool:
    """Whether every service stopped in time."""
    from penstock.cli.environment import spool_folder
    from penstock.lifecycle import keep_for_good, run_services
    from penstock.runtime import open_runtime

    stop, grace_s = asyncio.Event(), settings.general.drain.total_seconds()

    def halt() -> None:
        stop.set()
        overtime.begin(grace_s)  # from here on, though the start itself may hang

    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, halt)
    async with open_runtime(settings, spool_folder(settings)) as runtime:
        keep_for_good()
        _announce(runtime)
        overtime.say = lambda: _say_stopped(runtime, clean=False)
        async with asyncio.TaskGroup() as side:
            side.create_task(_mark_draining(runtime, stop, halt))
            clean = await run_services(runtime.services, stop, grace_s=grace_s, eager=runtime.eager)
    _say_stopped(runtime, clean=clean)
    return clean


def _say_stopped(runtime: "Runtime", *, clean: bool) -> None:
    """Write the last line, once everything is closed: how it ended, and what this process did while it lived."""
    import structlog

    structlog.stdlib.get_logger("penstock").info("stopped", clean=clean, counters=runtime.metrics.totals())


def _announce_servers(settings: "Settings") -> None:
    """The first start copies binaries and makes a database, which takes seconds: say so."""
    import structlog

    from penstock.cli.environment import data_folder

    embedded = [name for name, url in (("PostgreSQL", settings.database.url), ("Valkey", settings.redis.url)) if url is None]
    if embedded and settings.mode == "mock":
        folder = str(data_folder(settings).root)
        structlog.stdlib.get_logger("penstock").info("starting_embedded_servers", servers=embedded, folder=folder)


def _announce(runtime: "Runtime") -> None:
    """Say in which mode this is, loudly where nothing real happens."""
    import structlog

    log = structlog.stdlib.get_logger("penstock")
    settings = runtime.settings
    if settings.mode == "mock":
        meaning = "nothing reaches a real phone: the provider is a simulator"
        log.warning("mock_mode", meaning=meaning, provider=settings.mitto.api_base)
    if settings.general.safe_mode:
        log.warning("safe_mode", meaning="everything is accepted and stored, nothing is sent")
    log.info("starting", mode=settings.mode, role=settings.general.role)
    runtime.health.started = True


async def _mark_draining(runtime: "Runtime", stop: asyncio.Event, halt: "Callable[[], None]") -> None:
    """Readiness fails first, so that no new traffic comes while the rest drains; a service that died is a halt as well."""
    await stop.wait()
    runtime.health.draining = True
    halt()
