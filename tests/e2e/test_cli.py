import asyncio
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from penstock import __version__, _core
from tests.e2e.processes import Site, plain_environment, site

PENSTOCK = (sys.executable, "-m", "penstock")


async def run(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run a command as a person would, with nothing else of a gateway in its environment."""
    return await asyncio.to_thread(
        subprocess.run,
        [*PENSTOCK, *arguments],
        env=plain_environment() | environment,
        capture_output=True,
        text=True,
        check=False,
    )


async def as_tenant(at: Site) -> dict[str, str]:
    """What points a command at a running gateway, with a tenant's key."""
    return {"PENSTOCK_URL": at.process.url, "PENSTOCK_API_KEY": await at.database.make_key("commands", b"commands")}


def test_help_is_quick() -> None:
    """Help comes in under 300 ms, at its best of five: heavy imports stay inside the commands."""
    durations = []
    for _ in range(5):
        began = time.perf_counter()
        subprocess.run([*PENSTOCK, "--help"], capture_output=True, check=True)
        durations.append(time.perf_counter() - began)
    assert min(durations) < 0.3


async def test_a_campaign_from_a_file(dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """`send --watch` takes a file to final states, prints JSON alone, and `report` lists every message."""
    file = tmp_path / "people.csv"
    file.write_text("name;phone\nAda;+4915100000001\nBob;+4915100000002\nBob;+4915100000002\n")
    async with site(dsn, valkey_url, tmp_path) as at:
        where = await as_tenant(at)
        sent = await run("send", str(file), "--text", "Hello {name}", "--watch", "--json", **where)
        assert sent.returncode == 0, sent.stderr
        campaign = json.loads(sent.stdout)
        assert (campaign["state"], campaign["counts"]["received"], campaign["counts"]["skipped"]) == ("completed", 3, 1)
        shown = await run("status", campaign["id"], **where)
        assert "completed" in shown.stdout
        report = await run("report", campaign["id"], **where)
        assert [line.split(",")[0] for line in report.stdout.splitlines()] == ["to", "+4915100000001", "+4915100000002"]


async def test_a_campaign_is_stopped_by_command(dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """A paced campaign is sent, paused, quoted, resumed and canceled; what was stopped and what was sent are told."""
    file = tmp_path / "people.csv"
    file.write_text("phone\n" + "".join(f"+491510000{i:04d}\n" for i in range(20)))
    async with site(dsn, valkey_url, tmp_path) as at:
        where = await as_tenant(at)
        sent = await run("send", str(file), "--text", "Hello", "--pace", "2h", "--json", **where)
        assert sent.returncode == 0, sent.stderr
        campaign = json.loads(sent.stdout)["id"]
        paused = await run("pause", campaign, "--reason", "look first", **where)
        assert "paused (look first)" in paused.stdout, paused.stderr
        quote = await run("quote", campaign, **where)
        assert "would send now\tno" in quote.stdout, quote.stderr
        assert "state\tsending" in (await run("resume", campaign, **where)).stdout
        canceled = json.loads((await run("cancel", campaign, "--json", **where)).stdout)
        assert canceled["stopped"] >= 19
        assert sum(canceled[name] for name in ("stopped", "in_flight", "sent", "unknown", "refused")) == 20
        again = await run("pause", campaign, **where)
        assert (again.returncode, "cannot be paused" in again.stderr) == (1, True)


async def test_opt_outs_by_command(dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """Numbers are added, listed and removed."""
    async with site(dsn, valkey_url, tmp_path) as at:
        where = await as_tenant(at)
        assert "2 of 2" in (await run("opt-outs", "add", "+4915100000001", "+4915100000002", **where)).stdout
        assert "+4915100000001" in (await run("opt-outs", "list", **where)).stdout
        assert "1 of 1" in (await run("opt-outs", "remove", "+4915100000001", **where)).stdout


async def test_tenants_and_keys_by_command(dsn: str, valkey_url: str) -> None:
    """A tenant and a key are made and listed; the key is shown once; a revoked one is marked."""
    where = {"DATABASE_URL": dsn, "REDIS_URL": valkey_url, "PENSTOCK_MODE": "mock"}
    assert (await run("tenants", "create", "acme", **where)).returncode == 0
    assert "already" in (await run("tenants", "create", "acme", **where)).stderr
    key = (await run("keys", "create", "acme", **where)).stdout.strip()
    listed = (await run("keys", "list", "acme", **where)).stdout
    assert key.startswith("pk_")
    assert key not in listed
    assert (await run("keys", "revoke", "acme", "1", **where)).returncode == 0
    assert "revoked" in (await run("keys", "list", "acme", **where)).stdout


async def test_check_says_what_is_there(dsn: str, valkey_url: str) -> None:
    """`check` names versions and ends with ok; with a wrong address it is one line and exit code 1."""
    where = {"DATABASE_URL": dsn, "REDIS_URL": valkey_url, "PENSTOCK_MODE": "mock"}
    good = await run("check", **where)
    versions = f"core {_core.__version__}, codec {_core.CODEC_VERSION}, numbering {_core.NUMBER_METADATA_VERSION}, mode mock"
    assert good.stdout.splitlines()[0] == f"penstock {__version__}, {versions}"
    assert good.stdout.splitlines()[-1] == "ok"
    bad = await run("check", **where | {"DATABASE_URL": "postgresql://penstock@127.0.0.1:1/penstock"})
    assert (bad.returncode, len(bad.stderr.splitlines())) == (1, 1)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("status", "x"), "no API key"),
        (("send", os.devnull, "--api-key", "pk_none"), "say what to send"),
        (("status", "x", "--api-key", "pk_none", "--url", "http://127.0.0.1:1"), "no gateway answers"),
    ],
)
async def test_mistakes_are_one_line(arguments: tuple[str, ...], said: str) -> None:
    """What a person can mend is one line on standard error and a non-zero exit, never a trace."""
    ended = await run(*arguments)
    assert ended.returncode != 0
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr
