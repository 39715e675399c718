"""`penstock demo` does what it says, also when it is run again in the same folder."""

import re
import subprocess
import sys

from tests.e2e.processes import plain_environment
from tests.servers import private_folder

RECIPIENTS = 2000
TIMEOUT_S = 110.0
OK = re.compile(
    r"demo: ok received=(?P<received>\d+) skipped=(?P<skipped>\d+) delivered=\d+ undelivered=\d+ expired=\d+ rejected=\d+ "
    r"canceled=\d+ unknown=0 sent=0 sent_twice=0 lost=0 msgs_per_s=\d+"
)


def run_demo(folder: str) -> re.Match[str]:
    """Its last line."""
    done = subprocess.run(
        [sys.executable, "-m", "penstock", "demo", "--recipients", str(RECIPIENTS)], cwd=folder, timeout=TIMEOUT_S,
        env=plain_environment() | {"PENSTOCK_DATA_DIR": folder}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    found = OK.fullmatch(done.stdout.splitlines()[-1])
    assert found is not None, done.stdout[-2000:]
    return found


def test_twice_in_a_row() -> None:
    """Both runs end with the same counts and exit 0."""
    with private_folder() as folder:
        first, second = run_demo(str(folder)), run_demo(str(folder))
    assert first["received"] == second["received"] == str(RECIPIENTS)
    assert first["skipped"] == second["skipped"] != "0"
