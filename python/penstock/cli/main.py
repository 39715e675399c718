"""The command line: gathers the verbs, and turns what went wrong into one clear line and an exit code."""

import os
import sys

import typer

from penstock import __version__
from penstock.cli import (
    accounts,
    cancel,
    check,
    dead_letters,
    demo,
    keys,
    migrate,
    opt_outs,
    pause,
    quote,
    report,
    resume,
    send,
    serve,
    simulate,
    status,
    tenants,
    unknown,
    verify,
)
from penstock.cli.failure import CommandError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Penstock: a high-throughput SMS campaign gateway for Mitto.",
)

app.command("serve")(serve.serve)
app.command("migrate")(migrate.migrate)
app.command("demo")(demo.demo)
app.command("send")(send.send)
app.command("status")(status.status)
app.command("pause")(pause.pause)
app.command("resume")(resume.resume)
app.command("cancel")(cancel.cancel)
app.command("quote")(quote.quote)
app.command("report")(report.report)
app.command("simulate")(simulate.simulate)
app.command("check")(check.check)
app.command("verify")(verify.verify)
app.add_typer(tenants.app, name="tenants", help="Create, list, set, deactivate and activate tenants.")
app.add_typer(keys.app, name="keys", help="Create, list, rotate and revoke API keys.")
app.add_typer(accounts.app, name="accounts", help="List, hold and release traffic accounts.")
app.add_typer(dead_letters.app, name="dead-letters", help="List, redrive and cancel batches that failed by themselves.")
app.add_typer(unknown.app, name="unknown", help="List batches whose outcome nobody knows, and resolve them.")
app.add_typer(opt_outs.app, name="opt-outs", help="Add, list and remove numbers that must not be written to.")


@app.callback(invoke_without_command=True)
def _options(version: bool = typer.Option(False, "--version", help="Print the version and exit.")) -> None:  # noqa: FBT001
    if version:
        print(f"penstock {__version__}")
        raise typer.Exit


def main() -> None:
    """Run the command; every expected failure is one line on standard error and exit code 1 (2 for wrong settings)."""
    try:
        app()
    except CommandError as error:
        for line in error.lines:
            print(f"penstock: {line}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:
        # Whoever read our output has enough; keep the interpreter from complaining about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise SystemExit(0) from None
