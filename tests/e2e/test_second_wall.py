"""Whether the second wall between tenants stands is said where operators look; without it the gateway works all the same."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from penstock.store.pool import connect
from penstock.store.roles import API_ROLE
from tests.e2e.evidence import numbers, start
from tests.e2e.processes import Site, site
from tests.e2e.test_cli import run
from tests.servers import private_postgres

RECIPIENTS = 60


@pytest.fixture
async def bare_dsn(postgres_binaries: Path | None) -> AsyncIterator[str]:
    """A database whose login may not make roles, on a server where nobody has made them."""
    with private_postgres(binaries=postgres_binaries) as server:
        superuser = await connect(server.superuser_dsn)
        await superuser.execute(f"DROP ROLE {API_ROLE}")
        await superuser.close()
        yield server.dsn


async def read_facts(at: Site) -> Any:
    """What /health/full tells, on both ports."""
    async with aiohttp.ClientSession() as session:
        pages = []
        for door in (at.process.url, at.process.ops_url):
            async with session.get(f"{door}/health/full") as answer:
                assert answer.status == 200
                pages.append(await answer.json())
    assert pages[0]["findings"] == pages[1]["findings"] == {"last_day": {}, "newest_at": None}
    assert pages[0]["facts"].keys() == pages[1]["facts"].keys() == {"mode", "role", "safe_mode", "second_wall", "limiter"}
    return pages[0]["facts"]


async def said_at_check(at: Site) -> str:
    """The line of `penstock check` about it."""
    where = {name: at.process.environment[name] for name in ("DATABASE_URL", "REDIS_URL", "PENSTOCK_MODE")}
    checked = await run("check", **where)
    assert checked.returncode == 0, checked.stderr
    return next(line for line in checked.stdout.splitlines() if line.startswith("second wall"))


async def test_without_the_role_it_works_and_says_so(bare_dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """A campaign goes through; the log says once that the wall is off and what to do, and so do the check and /health/full."""
    await migrate_by_hand(bare_dsn)
    async with site(bare_dsn, valkey_url, tmp_path) as at:
        await start(at.client, RECIPIENTS)
        await at.settle()
        await at.verify(numbers(RECIPIENTS))
        assert (await read_facts(at))["second_wall"] == "off"
        assert (await said_at_check(at)).startswith("second wall between tenants off: ")
        (told,) = [line["meaning"] for line in at.process.log() if line["event"] == "second_wall_off"]
        assert "CREATE ROLE penstock_api" in str(told)


async def migrate_by_hand(dsn: str) -> None:
    """As `penstock migrate` does: the fixture of the site makes a tenant before the gateway starts."""
    done = await run("migrate", DATABASE_URL=dsn, REDIS_URL="redis://127.0.0.1:1", PENSTOCK_MODE="mock")
    assert done.returncode == 0, done.stderr


async def test_with_the_role_it_stands(dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """Nothing is complained about, and the check and /health/full say that it is on."""
    async with site(dsn, valkey_url, tmp_path) as at:
        assert (await read_facts(at))["second_wall"] == "on"
        assert await said_at_check(at) == "second wall between tenants on"
        assert not [line for line in at.process.log() if line["event"] == "second_wall_off"]
