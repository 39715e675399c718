"""PostgreSQL and Valkey are killed under load, and the disk is full: sending goes on by itself once they are back."""

import contextlib
import os
import random
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from penstock.embedded import EmbeddedPostgres, EmbeddedValkey
from tests.conftest import migrate_database
from tests.e2e.customer import Customer
from tests.e2e.deaths import (
    Death,
    House,
    house,
    kill_gateway,
    kill_postgres,
    kill_session,
    kill_valkey,
    restart_postgres,
    terminate_gateway,
)  # fmt: skip
from tests.e2e.evidence import FIRST_NUMBER, wait_until
from tests.servers import Databases, private_folder

RECIPIENTS = 3000
SINGLES = 50
SETTINGS = {"SMS_BATCH_SIZE": "50"}
DATABASE_BACK_S = 6.0
GATEWAY_BACK_S = 10.0
END_S = 90.0
"""The provider tries to report less and less often, the longer nobody took its reports."""


@pytest.fixture(scope="module")
def own_postgres() -> Iterator[EmbeddedPostgres]:
    """One that may be killed, and that syncs to disk as a real one does."""
    with private_folder() as folder:
        server = EmbeddedPostgres(folder / "postgres", settings={"shared_buffers": "64MB"})
        with server:
            yield server


@pytest.fixture(scope="module")
def own_valkey() -> Iterator[EmbeddedValkey]:
    """One that may be killed."""
    with private_folder() as folder:
        server = EmbeddedValkey(folder / "valkey")
        with server:
            yield server


@pytest.fixture(scope="module")
def own_databases(own_postgres: EmbeddedPostgres) -> Databases:
    """Its databases."""
    return Databases(own_postgres)


OpenHouse = Callable[[], contextlib.AbstractAsyncContextManager[House]]


@pytest.fixture
def open_house(
    own_postgres: EmbeddedPostgres, own_valkey: EmbeddedValkey, own_databases: Databases, tmp_path: Path
) -> OpenHouse:
    """Lend the maker of a house on a database of its own."""

    @asynccontextmanager
    async def make() -> AsyncIterator[House]:
        dice = random.Random(1)  # noqa: S311 - a seed to repeat it
        async with (
            own_databases.clone("schema", migrate_database) as dsn,
            house(dsn, own_postgres, own_valkey, tmp_path, dice, **SETTINGS) as home,
        ):
            yield home

    return make


async def suffer(home: House, death: Death, times: int) -> list[float]:
    """A campaign with these deaths in it, verified; how long each time until the next message was on the wire."""
    key = await home.at.database.make_key("second", b"second")
    back = []
    async with Customer(home.at.process.url, key) as customer:
        await customer.start_campaign(RECIPIENTS, FIRST_NUMBER)
        for number in range(times):
            await home.at.sees(RECIPIENTS * (number + 1) // (times + 2))
            back.append(await home.strike(death))
    await home.at.database.lapse()
    await wait_until(home.at.database.is_settled_at_once, "everything is settled", END_S)
    await home.at.verify(customer.promised)
    return back


DATABASE_DEATHS = [kill_postgres, restart_postgres, pytest.param(kill_session, marks=pytest.mark.slow)]


@pytest.mark.parametrize("death", DATABASE_DEATHS, ids=lambda death: death.__name__)
async def test_the_database_dies_under_load(open_house: OpenHouse, death: Death) -> None:
    """Nothing is in doubt afterwards, and the next message is on the wire soon after the database is back."""
    async with open_house() as home:
        back = await suffer(home, death, times=2)
        assert "unknown" not in await home.at.database.states()
        assert max(back) < DATABASE_BACK_S


async def test_valkey_dies_under_load(open_house: OpenHouse) -> None:
    """It comes back empty, which costs a window, and nothing else."""
    async with open_house() as home:
        await suffer(home, kill_valkey, times=2)
        assert "unknown" not in await home.at.database.states()


async def test_a_killed_gateway_sends_again_soon(open_house: OpenHouse) -> None:
    """From the start of the next process to its first message on the wire."""
    async with open_house() as home:
        assert max(await suffer(home, kill_gateway, times=2)) < GATEWAY_BACK_S


@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_stopped_again_and_again(open_house: OpenHouse) -> None:
    """SIGTERM twenty times in one campaign: each process ends with 0, and nothing is ever in doubt."""
    async with open_house() as home:
        await suffer(home, terminate_gateway, times=20)
        assert "unknown" not in await home.at.database.states()


# A full disk.

SMALL_MB = 160
WAL = {"max_wal_size": "48MB", "min_wal_size": "32MB", "wal_recycle": "off", "shared_buffers": "32MB"}


@contextlib.contextmanager
def small_disk() -> Iterator[Path]:
    """A file system of its own, small enough to be filled. Only root may make one."""
    with private_folder() as folder:
        options = f"size={SMALL_MB}m,mode=0755"
        made = subprocess.run(["mount", "-t", "tmpfs", "-o", options, "penstock-test", folder], check=False)
        if made.returncode != 0:
            pytest.skip("a file system of its own can only be mounted by root")
        try:
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


async def test_the_disk_is_full(own_valkey: EmbeddedValkey, tmp_path: Path) -> None:
    """Callers are told 503, what was acknowledged is there, and with room again everything goes on by itself."""
    if os.geteuid() != 0:
        pytest.skip("a file system of its own can only be mounted by root")
    with private_folder() as store, small_disk() as disk:
        server = EmbeddedPostgres(disk / "postgres", settings=WAL, store=store)
        with server:
            databases = Databases(server)
            dice = random.Random(1)  # noqa: S311 - a seed to repeat it
            async with (
                databases.clone("schema", migrate_database) as dsn,
                house(dsn, server, own_valkey, tmp_path, dice, **SETTINGS) as home,
            ):
                await fill_and_free(home, disk)


async def fill_and_free(home: House, disk: Path) -> None:
    """A campaign and single messages, with a time in their middle during which nothing more can be written."""
    key = await home.at.database.make_key("second", b"second")
    async with Customer(home.at.process.url, key) as customer:
        await customer.start_campaign(RECIPIENTS, FIRST_NUMBER)
        fill(disk / "filler")
        tries = iter(range(FIRST_NUMBER + 600_000, FIRST_NUMBER + 700_000))

        async def is_refused() -> bool:
            return await customer.try_single(next(tries)) == 503

        await wait_until(is_refused, "a full disk is told to callers")
        (disk / "filler").unlink()
        if not await home.at.database.answers():
            # It gave up rather than guess; whoever supervises it starts it again.
            await restart_postgres(home)
        await customer.insist()
        await customer.send_singles(SINGLES, FIRST_NUMBER + 500_000)
    await wait_until(home.at.database.is_settled_at_once, "everything is settled", END_S)
    await home.at.verify(customer.promised)
    assert home.at.process.code is None


def fill(path: Path) -> None:
    """Write until nothing more can be written."""
    with contextlib.suppress(OSError), path.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)) == size:
                    pass
