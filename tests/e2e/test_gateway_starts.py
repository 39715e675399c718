"""A gateway that cannot start says why, one line for each reason, and exits; one in safe mode keeps everything to itself."""

import subprocess
from pathlib import Path

import aiohttp
import pytest

from tests.e2e.evidence import Database, numbers, start
from tests.e2e.processes import SERVE, plain_environment, process_settings, site

NOWHERE = "http://127.0.0.1:9"
TIMEOUT_S = 60.0
RECIPIENTS = 90


def serve(environment: dict[str, str], folder: Path, *options: str) -> tuple[int, list[str]]:
    """Run it to its end: the exit code, and the lines on standard error."""
    command, theirs = [*SERVE, *options], plain_environment() | environment
    done = subprocess.run(command, env=theirs, cwd=folder, timeout=TIMEOUT_S, capture_output=True, text=True, check=False)
    return done.returncode, done.stderr.splitlines()


@pytest.mark.parametrize("role", ["dispatch", "api"])
def test_a_role_cannot_run_alone_in_mock_mode(tmp_path: Path, role: str) -> None:
    """Exit 2 and one line that says why."""
    code, lines = serve({"PENSTOCK_MODE": "mock", "PENSTOCK_DATA_DIR": str(tmp_path)}, tmp_path, "--role", role)
    assert code == 2
    assert len(lines) == 1
    assert lines[0].startswith(f"penstock: role {role} cannot run alone in mock mode")


def test_wrong_settings_are_all_named(tmp_path: Path) -> None:
    """Exit 2; an unknown name, a wrong value and a wrong unit are one line each, without the value."""
    wrong = {"SMS_BATCH_SIZE": "0", "PENSTOCK_NO_SUCH": "canary", "PENSTOCK_DISPATCH__POLL": "soon"}
    code, lines = serve({"PENSTOCK_MODE": "mock"} | wrong, tmp_path)
    assert code == 2
    assert [line.split(": ")[1] for line in lines] == sorted(wrong)
    assert "canary" not in "".join(lines)


def test_real_mode_refuses_to_start_half_configured(tmp_path: Path) -> None:
    """Exit 2 and a line for every setting that is missing."""
    code, lines = serve({"PENSTOCK_MODE": "real", "MITTO_SENDER_NAME": "Penstock"}, tmp_path)
    assert code == 2
    assert {line.split(": ")[1] for line in lines} == {
        "DATABASE_URL", "REDIS_URL", "MITTO_API_KEY", "MITTO_TRAFFIC_ACCOUNT_ID", "MITTO_WEBHOOK_SECRET",
        "MITTO_MAX_SEGMENTS_PER_S",
    }  # fmt: skip


async def test_a_database_of_the_other_mode_is_refused(dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """One line, and nothing was touched."""
    await Database(dsn).fetch("UPDATE installation SET mode = 'real'")
    code, lines = serve(process_settings(dsn, valkey_url, NOWHERE, tmp_path), tmp_path)
    assert code == 1
    assert len(lines) == 1
    assert "stamped for real mode" in lines[0]


def test_a_database_that_is_not_there(valkey_url: str, tmp_path: Path) -> None:
    """One line, without the password."""
    dsn = "postgresql://penstock:canary-password@127.0.0.1:9/penstock"
    code, lines = serve(process_settings(dsn, valkey_url, NOWHERE, tmp_path), tmp_path)
    assert code == 1
    assert len(lines) == 1
    assert "canary" not in lines[0]


async def test_a_taken_port(dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """One line that names the address, and no success."""
    async with site(dsn, valkey_url, tmp_path) as at:
        port = at.process.environment["PENSTOCK_HTTP_PORT"]
        (tmp_path / "other").mkdir()
        settings = process_settings(dsn, valkey_url, NOWHERE, tmp_path / "other", PENSTOCK_HTTP_PORT=port)
        code, lines = serve(settings, tmp_path)
        assert code == 1
        assert len(lines) == 1
        assert port in lines[0]


def test_a_folder_for_answers_that_cannot_be_written(dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """One line that names the folder and its setting, before anything is sent."""
    settings = process_settings(dsn, valkey_url, NOWHERE, tmp_path)
    folder = Path(settings["PENSTOCK_DATA_DIR"])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "spool").write_bytes(b"")
    code, lines = serve(settings, tmp_path)
    assert code == 1
    assert len(lines) == 1
    assert "PENSTOCK_DATA_DIR" in lines[0]


async def test_safe_mode(dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """Everything is accepted and every answer says so, nothing is sent; switched off, all of it goes out."""
    async with site(dsn, valkey_url, tmp_path, SAFE_MODE="1") as at:
        await start(at.client, RECIPIENTS)
        async with aiohttp.ClientSession() as session:
            for path in ("/v1/campaigns", "/nowhere", "/livez"):
                async with session.get(at.process.url + path) as answer:
                    assert answer.headers["X-Safe-Mode"] == "1"
        assert await at.process.terminate() == 0
        assert at.simulator.summary.requests == 0
        assert await at.database.states() == {"queued": RECIPIENTS}
        await at.process.start(SAFE_MODE="0")
        await at.settle()
        await at.verify(numbers(RECIPIENTS))
