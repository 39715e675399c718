import subprocess
import sys

import pytest

from penstock.cli.mock import READY_PREFIX

SIMULATE = [sys.executable, "-m", "penstock", "simulate", "--port"]


def test_ends_with_whoever_started_it() -> None:
    """A gateway that is killed outright leaves no simulator behind: the pipe to it closes."""
    command = [*SIMULATE, "0", "--end-with-stdin"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(READY_PREFIX)
        _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize("scenario", ["ZZ", "T4:nonsense=1"])
def test_an_unknown_scenario_is_told(scenario: str) -> None:
    """Not by a traceback; what is not known at all is answered with what there is."""
    done = subprocess.run([*SIMULATE, "0", "--scenario", scenario], capture_output=True, text=True, check=False, timeout=30)
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "T4" in done.stderr
    assert scenario[:2] in done.stderr


def test_taken_port_is_one_clear_line() -> None:
    """No traceback for what a person can mend."""
    with subprocess.Popen([*SIMULATE, "0"], stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout is not None
        port = first.stdout.readline().rpartition(":")[2].strip().rstrip("/")
        second = subprocess.run([*SIMULATE, port], capture_output=True, text=True, check=False, timeout=30)
        first.terminate()
    assert second.returncode == 1
    assert second.stderr == (
        f"penstock: the simulator cannot listen on 127.0.0.1:{port}: is the port taken? Choose one with --port\n"
    )
