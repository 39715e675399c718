"""The end of a process that does not end: something it waits for does not answer, such as a database that has fallen silent."""

import os
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Final, Self

from penstock.cli.failure import FAILED

UNFINISHED: Final = "stopped with work unfinished; it is repaired at the next start"
OVERTIME_S: Final = 5.0
"""After the grace. Closing everything takes part of a second, but a driver may wait for two minutes until a server confirms
that what it was asked has been cancelled."""
LAST_WORDS_S: Final = 1.0
"""For the log and for standard error, either of which may be full and read by nobody."""


class Overtime:
    """A deadline beside the event loop: `with Overtime() as overtime`, which must be left before it has passed.

    Embedded servers stay behind; the next start adopts them.
    """

    def __init__(self) -> None:
        self.say: Callable[[], None] = lambda: None
        """Tells the log, should the time not suffice."""
        self._timer: threading.Timer | None = None

    def begin(self, grace_s: float) -> None:
        """From now on this process has `grace_s` and a little more. Only the first call counts."""
        if self._timer is None:
            self._timer = _timer(grace_s + OVERTIME_S, self._end)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _end(self) -> None:
        _timer(LAST_WORDS_S, lambda: os._exit(FAILED))
        try:
            self.say()
            print(f"penstock: {UNFINISHED}", file=sys.stderr, flush=True)
            sys.stdout.flush()
        finally:
            os._exit(FAILED)


def _timer(seconds: float, act: Callable[[], None]) -> threading.Timer:
    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()
    return timer
