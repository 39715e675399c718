"""Progress for people, on standard error: bars on a terminal, a line now and then elsewhere. Results go to standard output."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, Protocol

EVERY_S: Final = 2.0


class Bar(Protocol):
    """One thing that moves towards its total."""

    def move_to(self, done: int) -> None:
        """So much is done now."""


class Progress(Protocol):
    """Where bars are added."""

    def add(self, title: str, total: int, unit: str) -> Bar:
        """A new bar."""


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """Drawn by rich on a terminal, plain lines elsewhere."""
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as RichProgress

    columns = (
        TextColumn("{task.description:<8}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[unit]}"),
        TextColumn("{task.fields[rate]}"), TimeRemainingColumn(),
    )  # fmt: skip
    with RichProgress(*columns, console=Console(stderr=True)) as bars:
        yield _Rich(bars.add_task, lambda task, done, rate: bars.update(task, completed=done, rate=rate))  # type: ignore[arg-type]


class _Rich:
    def __init__(self, add: Callable[..., int], update: Callable[[int, int, str], None]) -> None:
        self._add = add
        self._update = update

    def add(self, title: str, total: int, unit: str) -> Bar:
        return _RichBar(self._add(title, total=total, unit=unit, rate=""), self._update)


class _RichBar:
    def __init__(self, task: int, update: Callable[[int, int, str], None]) -> None:
        self._task = task
        self._update = update
        self._began = time.monotonic()

    def move_to(self, done: int) -> None:
        seconds = time.monotonic() - self._began
        self._update(self._task, done, f"{done / seconds:,.0f}/s" if seconds > 0 else "")


class _Lines:
    def add(self, title: str, total: int, unit: str) -> Bar:
        return _Line(title, total, unit)


class _Line:
    def __init__(self, title: str, total: int, unit: str) -> None:
        self._text = f"{title}: {{:,}} of {total:,} {unit}"
        self._total = total
        self._shown_at = float("-inf")
        self._shown = -1

    def move_to(self, done: int) -> None:
        is_end = done >= self._total and self._shown < self._total
        if is_end or (done > self._shown and time.monotonic() - self._shown_at >= EVERY_S):
            print(self._text.format(done), file=sys.stderr, flush=True)
            self._shown_at, self._shown = time.monotonic(), done
