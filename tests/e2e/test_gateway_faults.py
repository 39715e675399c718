"""Everything around the gateway fails while it sends: PostgreSQL, Valkey, the provider, a service, a second gateway."""

from pathlib import Path

import aiohttp
import orjson

from penstock.embedded import EmbeddedValkey
from penstock.simulator import Simulator
from tests.e2e.evidence import longest_call_s, numbers, read_wire, start, wait_until
from tests.e2e.processes import Site, another, site
from tests.servers import private_folder

RECIPIENTS = 1000
PROMISED = numbers(RECIPIENTS)
BATCH = 20
SLOW = {"scenarios": ("T1:seconds=0.05",), "report_delay_ms": 100.0, "report_jitter_ms": 50.0, "report_attempts": 12}
SMALL = {"SMS_BATCH_SIZE": str(BATCH)}
WINDOW_S = 1.0


async def test_every_database_connection_is_ended(dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """All backends die three times under load: no message is lost, sent twice or left in doubt."""
    async with site(dsn, valkey_url, tmp_path, simulated=SLOW, **SMALL) as at:
        await start(at.client, RECIPIENTS)
        for share in (0.1, 0.3, 0.5):
            await at.sees(int(RECIPIENTS * share))
            assert await at.database.end_sessions() > 0
        await at.settle()
        await at.verify(PROMISED)
        assert "unknown" not in await at.database.states()
        assert await at.process.terminate() == 0


async def test_valkey_goes_and_comes_back(dsn: str, tmp_path: Path) -> None:
    """Without Valkey sending goes on at a smaller share, with it again at the limit; never above the limit in any window."""
    limit = 60
    with private_folder() as folder:
        valkey = EmbeddedValkey(folder / "valkey")
        rates = {"RATE_LIMIT_TRAFFIC_ACCOUNT_MAX": str(limit)}
        try:
            async with site(dsn, valkey.start(), tmp_path, SMS_BATCH_SIZE="5", **rates) as at:
                await start(at.client, RECIPIENTS)
                await at.sees(100)
                valkey.stop()
                await wait_until(lambda: _is_local(at, 1), "the process lives on its share")
                await at.sees(at.simulator.summary.accepted + 100)
                valkey.start()
                await wait_until(lambda: _is_local(at, 0), "the limiter is shared again")
                await at.settle()
                await at.verify(PROMISED)
                length_s = WINDOW_S - await longest_call_s(at.process.url)
                assert busiest_window(await wire_times(at), length_s) <= limit
        finally:
            valkey.stop()


async def _is_local(at: Site, value: int) -> bool:
    async with aiohttp.ClientSession() as session, session.get(f"{at.process.url}/metrics") as answer:
        return f"penstock_limiter_local {value}.0\n" in await answer.text()


async def wire_times(at: Site) -> list[float]:
    """When each request was accepted."""
    async with aiohttp.ClientSession() as session, session.get(f"{at.simulator.url}/_sim/journal") as answer:
        lines = [orjson.loads(line) for line in (await answer.read()).splitlines()]
    return sorted({line["request"]: line["wire_time"] for line in lines if "wire_time" in line}.values())


def busiest_window(times: list[float], length_s: float) -> int:
    """The most requests that arrived within any so many seconds."""
    return max(sum(1 for other in times if moment <= other < moment + length_s) for moment in times)


async def test_the_provider_restarts(dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """What was in flight may be unknown, what comes while it is away is not sent, and all else goes out afterwards."""
    async with site(dsn, valkey_url, tmp_path, simulated=SLOW, **SMALL) as at:
        await start(at.client, RECIPIENTS)
        await at.sees(RECIPIENTS // 4)
        await at.simulator.stop()

        async def was_refused() -> bool:
            return await at.database.value("SELECT EXISTS (SELECT FROM attempt WHERE state = 'not_sent')")

        async def is_sent() -> bool:
            await at.database.release()
            return await at.database.is_sent()

        await wait_until(was_refused, "a connection was refused")
        async with Simulator(at.simulator.settings) as simulator:
            await wait_until(is_sent, "everything is sent")
            await at.verify(PROMISED)
            assert len((await read_wire(simulator.url)).accepted) >= RECIPIENTS - 4 * BATCH
        assert (await at.database.states()).get("unknown", 0) <= 4 * BATCH


async def test_a_service_crashes(dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """A service that meets what it cannot handle ends the process, non-zero, after the others have settled what they hold."""
    async with site(dsn, valkey_url, tmp_path, simulated=SLOW, **SMALL) as at:
        await start(at.client, RECIPIENTS)
        await at.sees(RECIPIENTS // 4)
        await at.database.fetch("ALTER TABLE report_page RENAME TO report_page_gone")
        assert await at.process.exit_code() == 1
        assert len(at.process.errors()) == 1
        assert await at.database.value("SELECT count(*) FROM attempt WHERE state = 'open'") == 0
        await at.database.fetch("ALTER TABLE report_page_gone RENAME TO report_page")
        await at.process.start()
        await wait_until(at.database.is_sent, "everything is sent")
        await at.verify(PROMISED)
        assert "unknown" not in await at.database.states()


async def test_two_gateways_share_the_work(dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """Two processes on one database and one Valkey: both send, and nothing goes out twice."""
    async with site(dsn, valkey_url, tmp_path, simulated=SLOW, **SMALL) as at, another(at) as other:
        await start(at.client, RECIPIENTS)
        await at.settle()
        await at.verify(PROMISED)
        assert await at.database.value("SELECT count(DISTINCT worker) FROM attempt") == 2
        assert [await at.process.terminate(), await other.terminate()] == [0, 0]
