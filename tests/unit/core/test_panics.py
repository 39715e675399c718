"""A panic in the core ends one call as an ordinary exception, and tells nothing of the data."""

import subprocess
import sys
import threading

import pytest

from penstock import _core
from tests.unit.core.parsing import numbers, parser

SECRET = "+4915100000001 is Anna"
SCRIPT = f"""
import threading
from penstock import _core

parser = _core.RecipientParser("csv", _core.Template("x"), traffic_account_id="", sender="")
def panic():
    for held in (None, parser):
        try:
            _core._panic_for_test({SECRET!r}, held)
        except Exception as error:
            print(type(error).__name__, error)
panic()
thread = threading.Thread(target=panic)
thread.start()
thread.join()
"""


def test_a_panic_is_an_exception_of_one_call() -> None:
    """It is a RuntimeError that says where and not what, and the next call works."""
    with pytest.raises(RuntimeError, match=r"failed inside, at \S*recipients\.rs:\d+; this call has no result") as caught:
        _core._panic_for_test(SECRET)
    assert SECRET not in str(caught.value)
    assert _core.segments("Hello").parts == 1


def test_a_parser_in_which_a_call_panicked() -> None:
    """Every later call says so, nothing else happens to it, and another parser works."""
    broken = parser()
    broken.feed(b"phone\n")
    with pytest.raises(RuntimeError, match="this call has no result"):
        _core._panic_for_test(SECRET, broken)
    for use in (
        lambda: broken.feed(b"+4915100000001\n"),
        broken.finish,
        lambda: broken.remember(b""),
        lambda: broken.exclude(b""),
        lambda: _core._panic_for_test(SECRET, broken),
    ):
        with pytest.raises(RuntimeError, match="This parser failed inside before; begin again with a new one"):
            use()
    other = parser()
    assert numbers(other.feed(b"phone\n+4915100000001\n") + other.finish()) == [4915100000001]


def test_a_panic_while_others_wait() -> None:
    """Threads that wait for the parser are told, and none of them hangs."""
    broken = parser()
    told: list[str] = []

    def use() -> None:
        try:
            _core._panic_for_test(SECRET, broken)
        except RuntimeError as error:
            told.append(str(error))

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert len(told) == 8
    assert sum("no result" in text for text in told) == 1


def test_nothing_is_printed() -> None:
    """Standard error stays empty, also for a panic in another thread, and no exception quotes the panic."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    assert SECRET not in done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["RuntimeError"] * 4
