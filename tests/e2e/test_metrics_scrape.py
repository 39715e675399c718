"""What Prometheus gets: both formats parse, the names that others already scrape are there, and promtool has little to say."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import orjson
import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from penstock.telemetry.metrics import KEPT_NAMES
from tests.e2e.evidence import Database, wait_until
from tests.e2e.inside import Lab, lab
from tests.servers import free_port

OPENMETRICS = "application/openmetrics-text; version=1.0.0"
KEPT_BY_OTHERS = {
    "campaigns_total": "gauge",
    "campaigns_stuck": "gauge",
    "queue_sms_waiting": "gauge",
    "retry_attempts": "counter",
    "queue_campaign_waiting": "gauge",
    "webhook_events_processed": "counter",
    "webhook_events_failed": "counter",
    "webhook_events_duplicate": "counter",
    "ingest_dedup": "counter",
    "reconciliation_jobs_completed": "gauge",
    "http_request_duration_ms": "histogram",
    "db_query_duration_seconds": "histogram",
    "build": "info",
}
"""Family and type of what this version has of the names that dashboards of this field already use."""


EARLIER = """
WITH t AS (INSERT INTO tenant (name) VALUES ('earlier') RETURNING tenant_id),
     a AS (INSERT INTO account (account_id) VALUES ('earlier') RETURNING account_id)
INSERT INTO campaign (tenant_id, campaign_id, name, text, sender, account_id, max_parts)
SELECT tenant_id, gen_random_uuid(), 'Earlier', 'Hello', 'Penstock', account_id, 1 FROM t, a
"""
"""A draft that is there when the leader counts for the first time; it counts again only after seconds."""


@pytest.fixture
async def at(dsn: str, valkey_url: str, tmp_path: Path) -> AsyncIterator[Lab]:
    """A gateway that has sent a campaign, so that every metric has something to show."""
    await Database(dsn).fetch(EARLIER)
    async with lab(dsn, valkey_url, tmp_path) as at:
        await at.send()
        await at.settle()

        async def is_counted() -> bool:
            return "campaigns_total{" in await scrape(at)

        await wait_until(is_counted, "the leader has counted")
        yield at


async def scrape(at: Lab, accept: str = "") -> str:
    """The metrics page."""
    async with aiohttp.ClientSession() as session, session.get(f"{at.url}/metrics", headers={"Accept": accept}) as answer:
        assert answer.status == 200
        assert answer.content_type == ("application/openmetrics-text" if accept else "text/plain")
        return await answer.text()


async def test_both_formats_parse(at: Lab) -> None:
    """Text and OpenMetrics hold the same families, each with a help text."""
    plain = {family.name: family for family in text_string_to_metric_families(await scrape(at))}
    opened = {family.name: family for family in openmetrics.text_string_to_metric_families(await scrape(at, OPENMETRICS))}
    assert all(family.documentation for family in [*plain.values(), *opened.values()])
    assert {name.removesuffix("_info") for name in plain} == opened.keys()


async def test_names_that_others_scrape(at: Lab) -> None:
    """They keep name and type; everything else is ours by its prefix."""
    families = {family.name: family for family in openmetrics.text_string_to_metric_families(await scrape(at, OPENMETRICS))}
    kept = {name: family.type for name, family in families.items() if not name.startswith("penstock_")}
    assert kept == KEPT_BY_OTHERS
    assert {tuple(sample.labels) for sample in families["campaigns_total"].samples} == {("status",)}
    assert all(set(s.labels) - {"le"} == {"method", "route", "status"} for s in families["http_request_duration_ms"].samples)
    assert [set(sample.labels) for sample in families["build"].samples] == [{"version"}]


async def test_exact_sample_names(at: Lab) -> None:
    """As a dashboard queries them, in the plain format."""
    samples = {sample.name for family in text_string_to_metric_families(await scrape(at)) for sample in family.samples}
    assert samples >= {
        "campaigns_total", "queue_sms_waiting", "queue_campaign_waiting", "webhook_events_processed_total",
        "webhook_events_failed_total", "webhook_events_duplicate_total", "http_request_duration_ms_bucket",
        "db_query_duration_seconds_count", "build_info",
    }  # fmt: skip


async def test_promtool_objects_to_kept_names_only(at: Lab) -> None:
    """`promtool check metrics` complains of the names that must stay, and of nothing else."""
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed")
    done = await asyncio.to_thread(
        subprocess.run, [promtool, "check", "metrics"], input=await scrape(at), capture_output=True, text=True, check=False
    )
    assert {line.split()[0] for line in (done.stdout + done.stderr).splitlines()} == KEPT_NAMES


async def test_prometheus_scrapes(at: Lab, tmp_path: Path) -> None:
    """A real Prometheus finds the target up."""
    program, port = shutil.which("prometheus"), free_port()
    if program is None:
        pytest.skip("prometheus is not installed")
    with prometheus(program, port, at.url.removeprefix("http://"), tmp_path):
        await wait_until(lambda: is_up(port), "the target is up")


@contextmanager
def prometheus(program: str, port: int, target: str, folder: Path) -> Iterator[None]:
    """Run it with one target, which it scrapes every second."""
    config = {"scrape_configs": [{"job_name": "p", "scrape_interval": "1s", "static_configs": [{"targets": [target]}]}]}
    (folder / "prometheus.yml").write_bytes(orjson.dumps(config))
    options = [f"--config.file={folder}/prometheus.yml", f"--storage.tsdb.path={folder}/data"]
    with (folder / "prometheus.log").open("w") as log:
        process = subprocess.Popen([program, *options, f"--web.listen-address=127.0.0.1:{port}"], stderr=log)
    try:
        yield
    finally:
        process.kill()
        process.wait()


async def is_up(port: int) -> bool:
    """Ask Prometheus about its one target."""
    try:
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/api/v1/targets") as answer:
            targets = (await answer.json())["data"]["activeTargets"]
    except aiohttp.ClientError:
        return False
    return [target["health"] for target in targets] == ["up"]
