"""`penstock simulate`: an independent Mitto on this machine."""

import os
import signal
import threading
from pathlib import Path
from typing import Annotated

import typer

from penstock.cli.failure import CommandError, is_listen_error


def simulate(  # noqa: PLR0913 - one parameter an option
    *,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on; 0 takes a free one.")] = 8090,
    callback: Annotated[str | None, typer.Option(help="Where delivery reports are sent; none without it.")] = None,
    secret: Annotated[
        str | None, typer.Option(envvar="SIMULATOR_SECRET", help="Value of X-Webhook-Secret on every report.")
    ] = None,
    key: Annotated[str, typer.Option(envvar="SIMULATOR_KEY", help="The API key it accepts.")] = "mock-mitto-key",
    account: Annotated[str, typer.Option(help="The traffic account of that key; any without it.")] = "",
    journal: Annotated[Path | None, typer.Option(help="Append the ground truth to this file.")] = None,
    seed: Annotated[int, typer.Option(help="Makes ids, final states and delays repeatable.")] = 1,
    delay_ms: Annotated[float, typer.Option(help="Mean time from acceptance to the final report.")] = 500.0,
    jitter_ms: Annotated[float, typer.Option(help="Greatest distance from that mean.")] = 250.0,
    rate: Annotated[float, typer.Option(help="Reports a second at most; 0 is unlimited.")] = 0.0,
    single: Annotated[bool, typer.Option("--single", help="One report a request instead of arrays.")] = False,
    array: Annotated[int, typer.Option(help="Reports in one array at most.")] = 500,
    attempts: Annotated[int, typer.Option(help="Tries a report request.")] = 5,
    no_report: Annotated[float, typer.Option(help="Share of messages without a report.")] = 0.0,
    final: Annotated[list[str] | None, typer.Option(help="Final status and weight, as Delivered=0.97; repeatable.")] = None,
    intermediate: Annotated[bool, typer.Option("--intermediate", help="Report Sent half-way.")] = False,
    scenario: Annotated[list[str] | None, typer.Option(help="A misbehaviour from the start, as T4:next=1; repeatable.")] = None,
    end_with_stdin: Annotated[
        bool, typer.Option("--end-with-stdin", hidden=True, help="Stop when standard input ends.")
    ] = False,
) -> None:
    """Run a simulated Mitto.

    It accepts messages, reports on them and keeps the ground truth: what was really accepted, and what became of it.
    """
    from penstock.simulator import SimulatorSettings, serve_forever

    settings = SimulatorSettings(
        host=host,
        port=port,
        keys={key: (account,) if account else ()},
        callback=callback,
        secret=secret,
        journal=journal,
        seed=seed,
        report_delay_ms=delay_ms,
        report_jitter_ms=jitter_ms,
        report_rate=rate,
        report_shape="object" if single else "array",
        report_array=array,
        report_attempts=attempts,
        no_report=no_report,
        intermediate=intermediate,
        finals=_finals(final or ["Delivered=0.96", "Failure=0.03", "Expired=0.01"]),
        scenarios=_scenarios(scenario or []),
    )
    if end_with_stdin:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    try:
        serve_forever(settings)
    except OSError as error:
        if not is_listen_error(error):
            raise
        raise CommandError(
            f"the simulator cannot listen on {host}:{port}: is the port taken? Choose one with --port"
        ) from error


def _end_with_stdin() -> None:
    """Whoever started us holds the other end of the pipe: it closes however they end, killed outright too."""
    # Not through sys.stdin: its lock, held by a waiting thread, makes the interpreter abort when it ends.
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _scenarios(given: list[str]) -> tuple[str, ...]:
    """As they came, if there are such scenarios with such parameters."""
    from penstock.simulator.rules import Rules, parse_rule

    for text in given:
        try:
            Rules().add(parse_rule(text), 0.0)
        except ValueError as error:
            raise typer.BadParameter(str(error), param_hint="--scenario") from None
    return tuple(given)


def _finals(given: list[str]) -> dict[str, float]:
    """Status → weight."""
    finals: dict[str, float] = {}
    for text in given:
        status, _, weight = text.partition("=")
        try:
            finals[status] = float(weight)
        except ValueError:
            raise typer.BadParameter(f"expected STATUS=WEIGHT, not {text!r}") from None
    return finals
