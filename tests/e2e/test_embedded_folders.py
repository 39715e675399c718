"""The folders of the embedded servers: what is refused, in one line, and what is never changed."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from penstock.embedded import EmbeddedError, EmbeddedPostgres, EmbeddedValkey
from penstock.embedded.account import choose_account
from tests.servers import private_folder

STRANGER = 54321
LONG = "a-folder-name-that-is-long-enough-to-make-the-path-of-a-socket-below-it-longer-than-the-kernel-takes-it"
only_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root to play another user")


@pytest.fixture(scope="module")
def store() -> Iterator[Path]:
    """One copy of the programs for all tests of this file."""
    with private_folder() as folder:
        yield folder


@pytest.fixture
def folder() -> Iterator[Path]:
    """Lend a fresh folder that other accounts may enter."""
    with private_folder() as folder:
        yield folder


def test_a_long_data_path_gets_a_short_socket(folder: Path, store: Path) -> None:
    """Where the socket's path would be too long, a short private folder serves and is gone after the stop."""
    server = EmbeddedValkey(folder / LONG / "valkey", store=store)
    with server as url:
        assert len(os.fsencode(server.socket_folder / server.socket_name)) <= 107
        assert server.socket_folder.stat().st_mode & 0o777 == 0o700
        with redis.Redis.from_url(url) as client:
            assert client.ping()
    assert not server.socket_folder.exists()


def test_a_link_in_place_of_the_socket_folder_is_refused(folder: Path, store: Path) -> None:
    """A link planted under the known name is not followed."""
    server = EmbeddedValkey(folder / LONG / "valkey", store=store)
    server.socket_folder.symlink_to(folder)
    try:
        with pytest.raises(EmbeddedError, match="not a private folder of ours"):
            server.start()
        assert folder.stat().st_mode & 0o777 == 0o755
    finally:
        server.socket_folder.unlink()


@only_root
def test_a_strangers_socket_folder_is_refused(folder: Path, store: Path) -> None:
    """A folder that another user made under the known name is neither used nor changed."""
    server = EmbeddedPostgres(folder / LONG / "postgres", store=store)
    server.socket_folder.mkdir(mode=0o755)
    try:
        os.chown(server.socket_folder, STRANGER, STRANGER)
        with pytest.raises(EmbeddedError, match="not a private folder of ours"):
            server.start()
        assert server.socket_folder.stat().st_uid == STRANGER
    finally:
        server.socket_folder.rmdir()


@only_root
def test_a_closed_parent_is_one_clear_line(folder: Path, store: Path) -> None:
    """Below a folder that the server's account cannot enter, the start says which and what to do, and changes nothing."""
    closed = folder / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(EmbeddedError) as caught:
        EmbeddedPostgres(closed / "penstock" / "postgres", store=store).start()
    said = str(caught.value)
    assert "\n" not in said
    assert str(closed) in said
    assert "PENSTOCK_DATA_DIR" in said
    assert closed.stat().st_mode & 0o777 == 0o700
    assert list(closed.iterdir()) == []


@only_root
def test_a_strangers_data_folder_is_refused(folder: Path, store: Path) -> None:
    """Root does not take over what belongs to somebody else."""
    theirs = folder / "postgres"
    theirs.mkdir()
    os.chown(theirs, STRANGER, STRANGER)
    with pytest.raises(EmbeddedError, match=f"belongs to uid {STRANGER}"):
        EmbeddedPostgres(theirs, store=store).start()


@only_root
def test_existing_data_decides_the_account(folder: Path) -> None:
    """Data made by one unprivileged account is served by that account, even when a preferred one appears later."""
    data = folder / "data"
    data.mkdir()
    os.chown(data, STRANGER, STRANGER)
    assert choose_account(data).uid == STRANGER


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_unwritable_place_is_one_clear_line(folder: Path) -> None:
    """An ordinary user without the right to create the folder gets one line that names it."""
    folder.chmod(0o500)
    with pytest.raises(EmbeddedError, match=f"cannot start PostgreSQL in {folder}") as caught:
        EmbeddedPostgres(folder / "postgres").start()
    assert "\n" not in str(caught.value)
    folder.chmod(0o755)


def test_missing_programs_are_one_clear_line(folder: Path) -> None:
    """A folder without programs is named, for both kinds."""
    with pytest.raises(EmbeddedError, match="holds no program named postgres"):
        EmbeddedPostgres(folder / "postgres", binaries=folder).start()
    with pytest.raises(EmbeddedError, match="holds no program named valkey-server or redis-server"):
        EmbeddedValkey(folder / "valkey", binaries=folder).start()


def test_programs_of_another_platform_are_one_clear_line(folder: Path) -> None:
    """A program that the kernel cannot run is named together with the platform."""
    alien = folder / "valkey-server"
    alien.write_bytes(b"\x7fELF not for this machine")
    alien.chmod(0o755)
    with pytest.raises(EmbeddedError, match=f"cannot run {alien} as .* on Linux"):
        EmbeddedValkey(folder / "valkey", binaries=folder).start()
