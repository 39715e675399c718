"""`penstock serve`: the gateway."""

import asyncio
import signal
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from penstock.cli.failure import CommandError, clear_failures

if TYPE_CHECKING:
    from penstock.config import Settings
    from penstock.runtime import Runtime

Role = Literal["all", "api", "dispatch", "receipts", "jobs"]


def serve(
    role: Annotated[Role | None, typer.Option(help="Run only these services (default: PENSTOCK_ROLE, else all).")] = None,
) -> None:
    """Run the gateway until SIGTERM or Ctrl-C, then drain."""
    from penstock.cli.environment import read_settings, running_servers
    from penstock.cli.mock import running_simulator
    from penstock.telemetry import logs

    settings = _with_role(read_settings(), role)
    logs.configure()
    with running_servers(settings) as running, running_simulator(running) as complete, clear_failures():
        clean = _run(complete)
    if not clean:
        raise CommandError("stopped with work unfinished; it is repaired at the next start")


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

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(settings))


async def _serve(settings: "Settings") -> bool:
    """Whether every service stopped in time."""
    import structlog

    from penstock.cli.environment import spool_folder
    from penstock.lifecycle import run_services
    from penstock.runtime import open_runtime

    log = structlog.stdlib.get_logger("penstock")
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_runtime(settings, spool_folder(settings)) as runtime:
        _announce(runtime)
        async with asyncio.TaskGroup() as side:
            side.create_task(_mark_draining(runtime, stop))
            clean = await run_services(runtime.services, stop, grace_s=settings.general.drain.total_seconds())
    log.info("stopped", clean=clean)
    return clean


def _announce(runtime: "Runtime") -> None:
    """Say in which mode this is, loudly where nothing real happens."""
    import structlog

    log = structlog.stdlib.get_logger("penstock")
    settings = runtime.settings
    if settings.mode == "mock":
        log.warning("mock_mode", meaning="nothing reaches a real phone: the provider is a simulator")
    if settings.general.safe_mode:
        log.warning("safe_mode", meaning="everything is accepted and stored, nothing is sent")
    log.info("starting", mode=settings.mode, role=settings.general.role)
    runtime.health.started = True


async def _mark_draining(runtime: "Runtime", stop: asyncio.Event) -> None:
    """Readiness fails first, so that no new traffic comes while the rest drains."""
    await stop.wait()
    runtime.health.draining = True
