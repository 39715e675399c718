"""A server's log: bounded, and good for one sentence about a failed start."""

import os
from pathlib import Path

from penstock.embedded.logfile import LogFile


def write(log: LogFile, text: str) -> None:
    """Append as a server would."""
    with log.opened() as descriptor:
        os.write(descriptor, text.encode())


def test_a_log_that_grew_is_moved_aside_while_the_server_writes(tmp_path: Path) -> None:
    """The old half is kept under `.1`, and what is appended later starts the file anew."""
    log = LogFile(tmp_path / "server.log", largest_bytes=10)
    with log.opened() as descriptor:
        os.write(descriptor, b"more than ten bytes\n")
        log.bound()
        os.write(descriptor, b"next\n")
    assert (tmp_path / "server.log.1").read_text() == "more than ten bytes\n"
    assert log.path.read_text() == "next\n"


def test_a_small_log_is_left_alone(tmp_path: Path) -> None:
    """Below the bound nothing is moved."""
    log = LogFile(tmp_path / "server.log")
    write(log, "LOG: ready\n")
    log.bound()
    assert [path.name for path in tmp_path.iterdir()] == ["server.log"]


def test_the_last_complaint_is_of_this_start(tmp_path: Path) -> None:
    """Only lines after the given offset count, and an error goes before mere talk."""
    log = LogFile(tmp_path / "server.log")
    write(log, "FATAL: yesterday\n")
    since = log.size()
    write(log, "LOG: starting\nFATAL: no room\nLOG: shut down\n")
    assert log.last_complaint(since) == "FATAL: no room"


def test_a_silent_death_is_said(tmp_path: Path) -> None:
    """A server that wrote nothing still gives a sentence."""
    log = LogFile(tmp_path / "server.log")
    write(log, "")
    assert log.last_complaint(0) == "it wrote nothing to its log"
