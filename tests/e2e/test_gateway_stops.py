"""SIGTERM: nothing more is claimed, what is in flight is finished or left to be repaired, and the last line says which."""

from pathlib import Path

from tests.e2e.evidence import numbers, set_rule, start
from tests.e2e.processes import Site, site

RECIPIENTS = 60
BATCH = 20
PROMISED = numbers(RECIPIENTS)


async def last_line(at: Site) -> dict[str, object]:
    """What the process said at its end."""
    last = at.process.log()[-1]
    assert last["event"] == "stopped"
    return last


async def test_a_clean_stop_says_what_was_done(dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """Exit 0, `clean`, and the counters of what this process did; its heartbeat is gone with it."""
    async with site(dsn, valkey_url, tmp_path, SMS_BATCH_SIZE=str(BATCH)) as at:
        await start(at.client, RECIPIENTS)
        await at.settle()
        assert await at.process.terminate() == 0
        last = await last_line(at)
        assert last["clean"] is True
        counters = last["counters"]
        assert isinstance(counters, dict)
        assert counters["penstock_recipients"]["accepted"] == RECIPIENTS
        assert counters["penstock_messages"]["sent"] == RECIPIENTS
        assert counters["penstock_provider_calls"] == {"accepted": RECIPIENTS / BATCH}
        assert await at.database.value("SELECT count(*) FROM process") == 0


async def test_a_stop_that_takes_too_long_says_so_and_is_repaired(dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """A provider that answers after the grace only: exit 1, not `clean`; after a new start what was in flight is unknown."""
    drain = {"PENSTOCK_GENERAL__DRAIN": "1s", "PENSTOCK_DISPATCH__IN_FLIGHT": "1"}
    async with site(dsn, valkey_url, tmp_path, SMS_BATCH_SIZE=str(BATCH), **drain) as at:
        await set_rule(at.simulator.url, "T1", seconds=15, next=1)
        await start(at.client, RECIPIENTS)
        await at.sees(BATCH)
        assert await at.process.terminate() == 1
        assert (await last_line(at))["clean"] is False
        assert at.process.errors() == ["penstock: stopped with work unfinished; it is repaired at the next start"]
        assert await at.database.value("SELECT count(*) FROM attempt WHERE state = 'open'") == 1
        await at.process.start()
        await at.settle()
        assert (await at.database.states())["unknown"] == BATCH
        await at.verify(PROMISED)
