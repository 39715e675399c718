"""The gateway is killed while it answers a request with an Idempotency-Key: the repetition has one effect all the same."""

import asyncio
from pathlib import Path

import aiohttp

from tests.e2e.evidence import wait_until
from tests.e2e.processes import Site, site

DRAFT = {"name": "Spring", "text": "Hello"}
BLOCKED = "SELECT count(*) FROM pg_locks WHERE NOT granted"


async def ask(at: Site, api_key: str) -> tuple[int, str, bytes]:
    """Status, mark and body of the answer."""
    headers = {"Authorization": f"Bearer {api_key}", "Idempotency-Key": "once"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{at.process.url}/v1/campaigns", json=DRAFT, headers=headers) as answer,
    ):
        return answer.status, answer.headers["X-Idempotency"], await answer.read()


async def is_cut_off(at: Site, api_key: str) -> bool:
    """Ask, and say whether the connection broke before an answer came."""
    try:
        await ask(at, api_key)
    except aiohttp.ClientError:
        return True
    return False


async def test_killed_before_the_commit(dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """Nothing exists afterwards, neither key nor effect, and the repetition is answered as the first."""
    async with site(dsn, valkey_url, tmp_path) as at:
        api_key = await at.database.make_key("second", b"second")
        async with at.database.locked("campaign"), asyncio.TaskGroup() as group:
            asked = group.create_task(is_cut_off(at, api_key))
            await wait_until(lambda: at.database.value(BLOCKED), "the request waits inside its transaction")
            at.process.kill()
        assert asked.result()
        assert await at.database.value("SELECT count(*) FROM idempotency_key") == 0
        await at.process.start()
        status, mark, _ = await ask(at, api_key)
        assert (status, mark) == (201, "MISS")
        assert await at.database.value("SELECT count(*) FROM campaign") == 1


async def test_killed_after_the_commit(dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """An answer that its client never read is given again by the next process, to the byte."""
    async with site(dsn, valkey_url, tmp_path) as at:
        api_key = await at.database.make_key("second", b"second")
        body = b'{"name":"Spring","text":"Hello"}'
        lines = [
            "POST /v1/campaigns HTTP/1.1", "Host: gateway", f"Authorization: Bearer {api_key}", 'Idempotency-Key: "once"',
            "Content-Type: application/json", f"Content-Length: {len(body)}", "", "",
        ]  # fmt: skip
        host, _, port = at.process.url.removeprefix("http://").rpartition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write("\r\n".join(lines).encode() + body)
        await wait_until(lambda: at.database.value("SELECT count(*) FROM idempotency_key"), "the request is committed")
        at.process.kill()
        writer.close()
        stored = await at.database.value("SELECT body FROM idempotency_key")
        await at.process.start()
        assert await ask(at, api_key) == (201, "HIT", stored)
        assert await at.database.value("SELECT count(*) FROM campaign") == 1
