"""The embedded PostgreSQL with real processes: what it keeps, how fast it is, what it leaves behind."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from penstock.embedded import EmbeddedError, EmbeddedPostgres
from penstock.embedded.account import Account, choose_account
from tests.servers import CARELESS, private_folder

START_LIMIT_S = 5.0  # two are promised; the rest is for a busy machine


@pytest.fixture(scope="module")
def store() -> Iterator[Path]:
    """One copy of the programs for all tests of this file."""
    with private_folder() as folder:
        yield folder


@pytest.fixture
def server(store: Path) -> Iterator[EmbeddedPostgres]:
    """Lend a PostgreSQL that was not started yet; it is stopped in the end, whatever the test did."""
    with private_folder() as folder:
        server = EmbeddedPostgres(folder / "postgres", store=store, settings=CARELESS)
        yield server
        server.stop()


async def query(dsn: str, statement: str) -> object:
    """Run a statement and return its first value, or several and return nothing."""
    connection = await asyncpg.connect(dsn)
    try:
        return await (connection.execute(statement) if ";" in statement else connection.fetchval(statement))
    finally:
        await connection.close()


def processes_of(folder: Path) -> list[int]:
    """Pids of everything whose command line names the folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            if os.fsencode(folder) in words:
                found.append(int(entry.name))
    return found


async def test_a_second_start_keeps_the_data(server: EmbeddedPostgres) -> None:
    """What was written before a stop is there after the next start."""
    server.start()
    await query(server.dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
    server.stop()
    server.start()
    assert await query(server.dsn, "SELECT answer FROM kept") == 42


async def test_the_role_of_the_gateway_is_no_superuser(server: EmbeddedPostgres) -> None:
    """The address given out opens the database `penstock` with the rights that a hosted database would give."""
    server.start()
    rights = "SELECT current_database() || ' ' || current_user || ' ' || rolsuper FROM pg_roles WHERE rolname = current_user"
    assert await query(server.dsn, rights) == "penstock penstock false"


async def test_no_number_reaches_the_log(server: EmbeddedPostgres) -> None:
    """Statements that fail leave neither their text nor their values in the server's log."""
    server.start()
    with pytest.raises(asyncpg.DataError):
        await query(server.dsn, "SELECT '+306900000001'::date")
    with pytest.raises(asyncpg.UniqueViolationError):
        await query(
            server.dsn, "CREATE TABLE p AS SELECT '+306900000001' n; CREATE UNIQUE INDEX ON p (n); INSERT INTO p TABLE p"
        )
    server.stop()
    assert "306900000001" not in server.log.path.read_text()


async def test_durability_is_on_and_no_port_is_open_by_default(store: Path) -> None:
    """Without settings of the caller, fsync is on, the locale is C.UTF-8 and only the unix socket listens."""
    with private_folder() as folder, EmbeddedPostgres(folder / "postgres", store=store) as dsn:
        assert await query(dsn, "SHOW fsync") == "on"
        assert await query(dsn, "SHOW listen_addresses") == ""
        assert (
            await query(dsn, "SELECT datcollate || ' ' || pg_encoding_to_char(encoding) FROM pg_database LIMIT 1")
            == "C.UTF-8 UTF8"
        )


def test_an_initialised_server_starts_quickly(server: EmbeddedPostgres) -> None:
    """Once the data folder exists, a start takes less than the limit."""
    server.start()
    server.stop()
    begun = time.monotonic()
    server.start()
    assert time.monotonic() - begun < START_LIMIT_S


def test_a_stop_leaves_no_process(server: EmbeddedPostgres) -> None:
    """After the stop nothing runs that names the folder, and a second stop is harmless."""
    server.start()
    assert processes_of(server.folder)
    server.stop()
    server.stop()
    assert processes_of(server.folder) == []
    assert server.pid is None


async def test_a_killed_server_is_recovered(server: EmbeddedPostgres) -> None:
    """A server that died by SIGKILL starts again with what it had committed."""
    server.start()
    await query(server.dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
    os.kill(server.pid or 0, signal.SIGKILL)
    server.stop()
    server.start()
    assert await query(server.dsn, "SELECT answer FROM kept") == 42


def test_a_pid_file_with_a_reused_pid_does_not_block(server: EmbeddedPostgres) -> None:
    """An old pid file whose number now belongs to another process of the same account is not taken for a running server."""
    server.start()
    account, pid_file = choose_account(server.data), server.data / "postmaster.pid"
    rest = pid_file.read_text().split("\n", 1)[1]
    server.stop()
    with sleeper(account) as other:
        pid_file.write_text(f"{other.pid}\n{rest}")
        os.chown(pid_file, account.uid, account.gid)
        pid_file.chmod(0o600)
        server.start()
        other.kill()


def sleeper(account: Account) -> subprocess.Popen[bytes]:
    """Start some process of the server's account."""
    user, group = (account.uid, account.gid) if account.is_other else (None, None)
    return subprocess.Popen(["sleep", "60"], cwd="/", user=user, group=group)


def test_an_unfinished_initialisation_is_begun_again(server: EmbeddedPostgres) -> None:
    """Remains of an initdb that was cut off neither block the start nor pass for a finished one."""
    draft = server.folder / "data.new"
    draft.mkdir(parents=True)
    (draft / "PG_VERSION").write_text("18\n")
    server.folder.chmod(0o755)
    server.start()
    assert not draft.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has an account to give up")
def test_root_is_given_up(server: EmbeddedPostgres) -> None:
    """Started by root, neither the server nor its data belong to root, and the data is closed to others."""
    server.start()
    assert Path(f"/proc/{server.pid}").stat().st_uid != 0
    assert server.data.stat().st_uid != 0
    assert server.data.stat().st_mode & 0o777 == 0o700
    assert server.socket_folder.stat().st_mode & 0o777 == 0o700


def test_data_of_another_major_version_is_refused(server: EmbeddedPostgres) -> None:
    """Programs that cannot open the data say so in one line that names both versions."""
    server.start()
    server.stop()
    (server.data / "PG_VERSION").write_text("14\n")
    with pytest.raises(EmbeddedError, match=r"made by PostgreSQL 14, but .* is 1[58]") as caught:
        server.start()
    assert "\n" not in str(caught.value)


def test_a_wrong_setting_is_one_clear_line(store: Path) -> None:
    """What PostgreSQL itself complains of at start reaches the operator."""
    with private_folder() as folder:
        server = EmbeddedPostgres(folder / "postgres", store=store, settings=CARELESS | {"no_such_setting": "1"})
        with pytest.raises(EmbeddedError, match="no_such_setting"):
            server.start()
        assert processes_of(folder) == []
