"""Marked numbers, texts, keys and secrets go through a whole gateway: none of them may show where operators and tools look.

Looked through: everything that gateway and simulator print, `/metrics` in both formats, and the body of every error.
Not looked through, because these are the tenant's own data on its own screen: the answer to an upload with its `problems`, and
the lists of skipped rows, messages and opt-outs, the report, and the tenant's campaigns.
"""

import asyncio
import base64
import itertools
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path

import aiohttp
import pytest

from penstock.api.admin.routes import ADMIN_ROUTES
from penstock.api.app import TENANT_ROUTES
from penstock.cli.mock import READY_PREFIX
from penstock.client import Client, ProblemError
from tests.e2e.evidence import Database, clear_rules, set_rule, start, wait_until
from tests.e2e.inside import ACCOUNT
from tests.e2e.processes import Process, plain_environment, process_settings
from tests.servers import free_port, private_folder

MARK = "magpie"
FIRST = 4915177700000
RECIPIENTS = 60
API_KEY_BYTES = b"0123456789-a-marked-key-of-32-by"
API_KEY_TAIL = base64.urlsafe_b64encode(API_KEY_BYTES).decode()[12:40]
MARKS = re.compile(rf"{MARK}|49151777\d|(?<![\d.])151777\d{{5}}|{re.escape(API_KEY_TAIL)}", re.IGNORECASE)
SECRETS = {
    "MITTO_API_KEY": f"{MARK}-mitto-key",
    "MITTO_WEBHOOK_SECRET": f"{MARK}-webhook-secret",
    "MITTO_SENDER_NAME": "Penstock",
    "PENSTOCK_ADMIN_KEY": f"{MARK}-operators-key",
}
PATIENCE = aiohttp.ClientTimeout(total=20)
WRONG_KEY = f"pk_{MARK}_wrong_0123456789"
PHONE = f"+{FIRST + 1}"
BODIES = (
    f'{{"numbers": ["{PHONE}x", "{MARK}"], "name": "{MARK}"}}',
    f'{{"name": "{MARK}", "text": "{MARK} {{unclosed", "{PHONE}": "{PHONE}"}}',
    f'{{"name": 7, "text": ["{PHONE}"], "expect_recipients": "{MARK}"}}',
    f'{{"name": "{MARK}", "text": "{MARK}", "default_region": "{MARK}", "from": "{MARK} {PHONE}", "countries": ["{MARK}"]}}',
    f"phone;{PHONE}\n{MARK}",
)
KINDS = ("application/json", "text/csv", f"text/{MARK}")

Leavings = dict[str, str]


@contextmanager
def simulator(callback: int, folder: Path) -> Iterator[str]:
    """A simulator as a process, its output in a file; its URL."""
    theirs = {"SIMULATOR_KEY": SECRETS["MITTO_API_KEY"], "SIMULATOR_SECRET": SECRETS["MITTO_WEBHOOK_SECRET"]}
    door = f"http://127.0.0.1:{callback}/webhooks/mitto/dlr"
    options = [
        "--port",
        "0",
        "--callback",
        door,
        "--account",
        ACCOUNT,
        "--delay-ms",
        "50",
        "--journal",
        str(folder / "journal"),
    ]
    output = folder / "simulator.out"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "penstock", "simulate", *options],
            env=plain_environment() | theirs, stdout=file, stderr=file, cwd=folder,
        )  # fmt: skip
    try:
        yield _first_line(output, process).removeprefix(READY_PREFIX)
    finally:
        process.terminate()
        process.wait()


def _first_line(output: Path, process: "subprocess.Popen[bytes]") -> str:
    while "\n" not in (said := output.read_text()):
        assert process.poll() is None, said
        os.sched_yield()
    return said.splitlines()[0]


@asynccontextmanager
async def marked_site(dsn: str, valkey_url: str, folder: Path) -> AsyncIterator[tuple[Process, Client, str]]:
    """A gateway whose every secret is marked, a client of it, and the simulator's URL."""
    port = free_port()
    async with AsyncExitStack() as stack:
        provider = stack.enter_context(simulator(port, folder))
        settings = process_settings(dsn, valkey_url, provider, folder, PENSTOCK_HTTP_PORT=str(port), **SECRETS)
        process = Process(settings, folder)
        stack.callback(process.end)
        key = await Database(dsn).make_key(seed=API_KEY_BYTES)
        client = await stack.enter_async_context(Client(process.url, key))
        await process.start()
        yield process, client, provider


async def send_through_failures(client: Client, provider: str, database: Database) -> None:
    """Campaigns under every kind of answer; what is doubtful stays so, what is refused is sent later."""
    first = itertools.count(FIRST, RECIPIENTS)
    for scenario, rule in (
        ("P1", {"count": 2}), ("P2", {}), ("E1", {}), ("E3", {}), ("T4", {}), ("T5", {}), ("A1", {"next": 1}), ("D7", {}),
        ("L3", {"status": 400, "max_messages": 1}),
    ):  # fmt: skip
        await set_rule(provider, scenario, **rule)
        await start(client, RECIPIENTS, next(first), text=f"{MARK} {{name}}")
        await wait_until(lambda: _release_until_sent(database), f"all is sent under {scenario}")
        await clear_rules(provider)


async def _release_until_sent(database: Database) -> bool:
    await database.release()
    return await database.is_sent()


async def knock_everywhere(url: str, key: str, leavings: Leavings) -> None:
    """Every route with wrong keys, ids, queries and bodies; the bodies of all errors are kept."""
    routes = [(route.method, route.path) for route in (*TENANT_ROUTES, *ADMIN_ROUTES)]
    paths = [(method, re.sub(r"\{\w+\}", given, path)) for given in (PHONE, ACCOUNT) for method, path in routes]
    paths += [("PUT", "/v1/campaigns"), ("GET", f"/nowhere/{PHONE}"), ("POST", f"/{MARK}"), ("GET", "/livez")]
    queries = ("", f"?limit={MARK}", f"?after={MARK}&state={MARK}", f"?phone_column={MARK}&format={MARK}", f"?to={PHONE[1:]}")
    keys = (key, WRONG_KEY, SECRETS["PENSTOCK_ADMIN_KEY"])
    async with aiohttp.ClientSession(timeout=PATIENCE) as session:
        for (method, path), query, kind, given in itertools.product(paths, queries, KINDS, keys):
            for body in BODIES if method in ("POST", "PATCH", "DELETE") and not query else BODIES[:1]:
                headers = {"Authorization": f"Bearer {given}", "Content-Type": kind, "X-Request-Id": PHONE, "Upload-Id": "é"}
                await _knock(session, method, url + path + query, leavings, data=body, headers=headers)


async def knock_as_the_provider(url: str, leavings: Leavings) -> None:
    """The webhook with a wrong token in the query, with none, and with bodies that cannot be read."""
    door, right = f"{url}/webhooks/mitto/dlr", {"X-Webhook-Secret": SECRETS["MITTO_WEBHOOK_SECRET"]}
    async with aiohttp.ClientSession(timeout=PATIENCE) as session:
        for method, body in itertools.product(("GET", "POST", "PUT"), BODIES):
            await _knock(session, method, f"{door}?token={MARK}-wrong&msgid={PHONE[1:]}", leavings, data=body)
            await _knock(session, method, f"{door}?msgid={MARK}", leavings, data=body, headers={"X-Webhook-Secret": MARK})
            await _knock(session, method, f"{door}?{MARK}={PHONE[1:]}", leavings, data=body, headers=right)


async def _knock(session: aiohttp.ClientSession, method: str, url: str, leavings: Leavings, **sent: object) -> None:
    async with session.request(method, url, **sent) as answer:  # type: ignore[arg-type]
        if answer.status >= 400:
            leavings[f"{answer.status} to {method} {url}"] = await answer.text()


async def scrape(process: Process, leavings: Leavings) -> None:
    """Both formats, from both doors."""
    async with aiohttp.ClientSession() as session:
        for door, accept in itertools.product((process.url, process.ops_url), ("", "application/openmetrics-text")):
            async with session.get(f"{door}/metrics", headers={"Accept": accept}) as page:
                leavings[f"metrics of {door} as {accept}"] = await page.text()


async def break_a_request(client: Client, database: Database, leavings: Leavings) -> None:
    """A defect while storing recipients: the database's complaint quotes a number, the answer and the log must not."""
    parts = await database.fetch("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'message'::regclass")
    for (part,) in parts:
        await database.fetch(f"CREATE UNIQUE INDEX ON {part} (msisdn)")
    with pytest.raises(ProblemError, match="internal_error") as caught:
        await start(client, RECIPIENTS, FIRST)
    leavings["a broken request"] = str(caught.value)


async def break_the_senders(client: Client, process: Process, database: Database) -> None:
    """A defect while settling: the database's complaint quotes a whole row, what the process says of it must not."""
    await database.fetch("ALTER TABLE message ADD CHECK (state <> 'sent') NOT VALID")
    await start(client, RECIPIENTS, FIRST + 100 * RECIPIENTS, text=f"{MARK} {{name}}")

    async def has_complained() -> bool:
        return any(line["event"] == "answer_not_recordable" for line in process.log())

    await wait_until(has_complained, "the answer could not be recorded")
    await process.terminate()


@pytest.mark.timeout(400)
async def test_no_mark_leaves(dsn: str, valkey_url: str) -> None:
    """After a whole campaign, failures of every kind and two planted defects, no mark is found anywhere."""
    leavings: Leavings = {}
    database = Database(dsn)
    with private_folder() as folder:
        async with marked_site(dsn, valkey_url, folder) as (process, client, provider):
            await send_through_failures(client, provider, database)
            key = "pk_" + base64.urlsafe_b64encode(API_KEY_BYTES).decode().rstrip("=")
            await knock_everywhere(process.url, key, leavings)
            await knock_as_the_provider(process.url, leavings)
            await break_a_request(client, database, leavings)
            for accept in ("", "application/openmetrics-text"):
                async with (
                    aiohttp.ClientSession() as session,
                    session.get(f"{process.url}/metrics", headers={"Accept": accept}) as page,
                ):
                    leavings[f"metrics as {accept}"] = await page.text()
            await break_the_senders(client, process, database)
            leavings["the gateway's output"] = await asyncio.to_thread(process.output)
        leavings["the simulator's output"] = (folder / "simulator.out").read_text()
    found = {place: MARKS.findall(text) for place, text in leavings.items() if MARKS.search(text)}
    assert found == {}
    assert len(leavings) > 100
    assert all(
        word in leavings["the gateway's output"] for word in ("request_failed", "answer_not_recordable", "batch_not_accepted")
    )
