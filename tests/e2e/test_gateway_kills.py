"""The gateway is killed and stopped in the middle of its work: nothing is lost, nothing goes out twice."""

import random
from pathlib import Path

import pytest

from tests.e2e.evidence import numbers, read_wire, start, wait_until
from tests.e2e.processes import Site, site

RECIPIENTS = 600
PROMISED = numbers(RECIPIENTS)
BATCH = 20
SLOW = {"scenarios": ("T1:seconds=0.05",), "report_delay_ms": 100.0, "report_jitter_ms": 50.0, "report_attempts": 12}
"""Answers take a while, so that there is always something in flight."""
MANY = [pytest.param(seed, marks=pytest.mark.slow) for seed in range(5, 35)]


async def kill_at_random(at: Site, seed: int) -> None:
    """Kill the gateway once some random number of messages is out; start it again, with every lease over."""
    await start(at.client, RECIPIENTS)
    await at.sees(random.Random(seed).randrange(1, RECIPIENTS - 4 * BATCH))  # noqa: S311 - a seed to repeat it
    at.process.kill()
    await at.database.lapse()
    await at.process.start()
    await at.settle()


@pytest.mark.parametrize("seed", [*range(5), *MANY])
async def test_killed_in_mid_send(dsn: str, valkey_url: str, tmp_path: Path, seed: int) -> None:
    """After SIGKILL and a new start all is sent once, but for the batches in flight: those are unknown, and shown."""
    async with site(dsn, valkey_url, tmp_path, simulated=SLOW, SMS_BATCH_SIZE=str(BATCH)) as at:
        await kill_at_random(at, seed)
        await at.verify(PROMISED)
        states = await at.database.states()
        assert states.get("unknown", 0) <= 4 * BATCH
        assert sum(n for state, n in states.items() if state != "unknown") >= RECIPIENTS - 4 * BATCH
        campaign = await at.client.get_campaign((await at.database.books()).messages[0].campaign)
        assert campaign.counts.unknown == states.get("unknown", 0)


@pytest.mark.parametrize("seed", [5, *MANY[:10]])
async def test_what_was_in_flight_is_found(dsn: str, valkey_url: str, tmp_path: Path, seed: int) -> None:
    """With look-ups every message that the provider took before the kill gets its end; only what it never saw stays unknown."""
    asking = {"PENSTOCK_LOOK_UP__PER_S": "500", "PENSTOCK_LOOK_UP__AFTER": "100ms"}
    async with site(dsn, valkey_url, tmp_path, simulated=SLOW, SMS_BATCH_SIZE=str(BATCH), **asking) as at:
        await kill_at_random(at, seed)

        async def is_all_found() -> bool:
            wire = {number for _, number in (await read_wire(at.simulator.url)).accepted}
            messages = (await at.database.books()).messages
            return all((message.number in wire) != (message.state == "unknown") for message in messages)

        await wait_until(is_all_found, "all that was taken is found")
        await at.settle()
        await at.verify(PROMISED)


async def test_the_attempts_of_a_killed_process_become_unknown_soon(dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """Its heartbeat is old long before the leases are over: what was in flight is shown as unknown, and is not sent again."""
    async with site(dsn, valkey_url, tmp_path, simulated=SLOW, SMS_BATCH_SIZE=str(BATCH)) as at:
        await start(at.client, RECIPIENTS)
        await at.sees(5 * BATCH)
        at.process.kill()
        left = await at.database.value("SELECT sum(messages) FROM attempt WHERE state = 'open'")
        await at.process.start()
        await at.settle()
        assert await at.database.value("SELECT count(*) FROM attempt WHERE lease_until < now()") == 0
        await at.verify(PROMISED)
        # An answer may have been in the spool.
        assert left > 0
        assert (await at.database.states()).get("unknown", 0) <= left


@pytest.mark.parametrize("seed", range(5))
async def test_stopped_under_load(dsn: str, valkey_url: str, tmp_path: Path, seed: int) -> None:
    """SIGTERM: exit 0, the last line says clean, no attempt is open, and a new start sends the rest."""
    async with site(dsn, valkey_url, tmp_path, simulated=SLOW, SMS_BATCH_SIZE=str(BATCH)) as at:
        await start(at.client, RECIPIENTS)
        await at.sees(random.Random(seed).randrange(1, RECIPIENTS // 2))  # noqa: S311 - a seed to repeat it
        assert await at.process.terminate() == 0
        last = at.process.log()[-1]
        assert (last["event"], last["clean"]) == ("stopped", True)
        assert await at.database.value("SELECT count(*) FROM attempt WHERE state = 'open'") == 0
        assert "unknown" not in await at.database.states()
        await at.verify(PROMISED)
        await at.process.start()
        await at.settle()
        await at.verify(PROMISED)
        assert "unknown" not in await at.database.states()
