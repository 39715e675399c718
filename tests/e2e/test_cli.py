import asyncio
import json
import os
import pwd
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from penstock import __version__, _core
from penstock.client import ProblemError
from penstock.store.pool import Store
from tests.builders import make_unknown_campaign
from tests.e2e.evidence import Database, wait_until
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
    """Help takes under 300 ms of the processor, at its best of five: heavy imports stay inside the commands."""
    durations = []
    for _ in range(5):
        began = _processor_s()
        subprocess.run([*PENSTOCK, "--help"], capture_output=True, check=True)
        durations.append(_processor_s() - began)
    assert min(durations) < 0.3


def _processor_s() -> float:
    """What all programs that we have waited for took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


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


def servers(dsn: str, valkey_url: str) -> dict[str, str]:
    """What points a command at the servers themselves."""
    return {"DATABASE_URL": dsn, "REDIS_URL": valkey_url, "PENSTOCK_MODE": "mock"}


async def run_all(where: dict[str, str], *commands: str) -> list[str]:
    """Run commands one after the other, each of which must succeed; what they print."""
    printed = []
    for command in commands:
        done = await run(*command.split(), **where)
        assert done.returncode == 0, done.stderr
        printed.append(done.stdout.strip())
    return printed


async def acts(dsn: str) -> list[tuple[str, str, str]]:
    """What is on record, oldest first."""
    return [tuple(row) for row in await Database(dsn).fetch("SELECT actor, action, subject FROM audit ORDER BY audit_id")]


async def test_keys_by_command(dsn: str, valkey_url: str) -> None:
    """A key is made, listed, replaced and revoked; each is shown once; each act is on record under the account that did it."""
    where = servers(dsn, valkey_url)
    _, key, _, new = await run_all(
        where, "tenants create acme", "keys create acme --scope send --expires 90d --label till",
        "keys create acme", "keys rotate acme 1 --overlap 0",
    )  # fmt: skip
    listed, _, after = await run_all(where, "keys list acme", "keys revoke acme 3", "keys list acme")
    assert all(text.startswith("pk_") and text not in listed for text in (key, new))
    assert [line.split("\t")[2:4] for line in listed.splitlines()[1:]] == [
        ["till", "send"],
        ["", "read send"],
        ["till", "send"],
    ]
    assert [line.split("\t")[-1] for line in after.splitlines()[1:]] == ["expired", "live", "revoked"]
    actor = f"cli:{pwd.getpwuid(os.getuid()).pw_name}"
    assert await acts(dsn) == [
        (actor, "tenant.create", "tenant:1"), (actor, "key.create", "key:1"), (actor, "key.create", "key:2"),
        (actor, "key.rotate", "key:1"), (actor, "key.revoke", "key:3"),
    ]  # fmt: skip


async def test_tenants_by_command(dsn: str, valkey_url: str) -> None:
    """Settings are set, shown and reset; a tenant is deactivated and activated, and the list says which it is."""
    where = servers(dsn, valkey_url)
    _, shown, reset, own, _, listed, _ = await run_all(
        where, "tenants create acme", "tenants set acme sender=Acme default_region=DE limits=trial",
        "tenants set acme sender=", 'tenants set acme limits={"sends_per_hour":10}',
        "tenants deactivate acme", "tenants list", "tenants activate acme",
    )  # fmt: skip
    assert {"sender\tAcme", "default_region\tDE", "limits\ttrial", "state\tactive"} <= set(shown.splitlines())
    assert {"sender\t", "default_region\tDE"} <= set(reset.splitlines())
    assert 'limits\t{"sends_per_hour":10}' in own.splitlines()
    assert "deactivated" in listed
    (last,) = await run_all(where, "tenants show acme")
    assert "state\tactive" in last.splitlines()
    verbs = ["create", "change", "change", "change", "deactivate", "activate"]
    assert [action for _, action, _ in await acts(dsn)] == [f"tenant.{verb}" for verb in verbs]


async def test_a_tenant_deactivated_by_command_is_out(dsn: str, valkey_url: str, tmp_path: Path) -> None:
    """A gateway that runs elsewhere closes the tenant's keys within moments, and opens them again."""
    async with site(dsn, valkey_url, tmp_path) as at:
        where = servers(dsn, valkey_url)
        assert await is_let_in(at)
        await run_all(where, "tenants deactivate first")
        await wait_until(lambda: is_shut_out(at), "the key is closed", deadline_s=3)
        await run_all(where, "tenants activate first")
        await wait_until(lambda: is_let_in(at), "the key is open", deadline_s=3)


async def test_unknown_batches_by_command(dsn: str, valkey_url: str, store: Store) -> None:
    """They are listed with what is left of them, and an operator's word about one is done, told and on record."""
    scene = await make_unknown_campaign(store, 3)
    where = servers(dsn, valkey_url)
    listed, resolved, after, out_of_order = await run_all(
        where, "unknown list", "unknown resolve 1 not_sent", "unknown list", "unknown list --contradicted"
    )
    heading, row = (line.split("\t") for line in listed.splitlines())
    assert dict(zip(heading, row, strict=True)) | {"sent": "", "given up": ""} == {
        "batch": "1", "tenant": "1", "campaign": str(scene.campaign_id), "messages": "3", "unknown": "3", "reason": "timeout",
        "sent": "", "given up": "",
    }  # fmt: skip
    assert resolved == "batch 1 is pending: 3 unknown messages are resolved as not_sent"
    assert len(after.splitlines()) == len(out_of_order.splitlines()) == 1
    assert await scene.states() == {"queued": 3}
    ((actor, *act),) = await acts(dsn)
    assert (actor.startswith("cli:"), act) == (True, ["batch.resolve", "batch:1"])
    again = await run("unknown", "resolve", "1", "sent", **where)
    assert (again.returncode, again.stderr.count("\n"), "pending" in again.stderr) == (1, 1, True)


async def is_let_in(at: Site) -> bool:
    """Whether the tenant's key opens, as far as the door."""
    try:
        await at.client.create_campaign("Test", "Hello")
    except ProblemError as error:
        return error.code != "unauthenticated"
    return True


async def is_shut_out(at: Site) -> bool:
    """Whether it does not."""
    return not await is_let_in(at)


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("tenants create acme", "already"), ("tenants show nobody", "there is no tenant nobody"),
        ("tenants set acme sender=a", "A sender is 3 to 11"), ("tenants set acme nothing=1", "nothing"),
        ("tenants set acme idempotency=body", "idempotency"), ("tenants set acme limits={}x", "malformed"),
        ("tenants set acme limits=gold", "limits"), ("keys create acme --scope all", "a scope is one of"),
        ("keys create acme --expires soon", "--expires is"), ("keys create acme --expires 2030-01-01T00:00:00", "--expires is"),
        ("keys create acme --expires 2020-01-01T00:00:00Z", "in the future"), ("keys create nobody", "no tenant nobody"),
        ("keys rotate acme 9", "no such key"), ("keys rotate acme 1 --overlap 31d", "--overlap is"),
        ("keys revoke acme 9", "no such key"), ("unknown resolve 9 sent", "no such batch"),
    ],
)  # fmt: skip
async def test_a_wrong_act_is_one_line_and_no_record(dsn: str, valkey_url: str, command: str, said: str) -> None:
    """What cannot be done is one line on standard error; nothing is done and nothing is on record."""
    await Database(dsn).make_key("acme")
    failed = await run(*command.split(), **servers(dsn, valkey_url))
    assert failed.returncode == 1
    assert said in failed.stderr
    assert len(failed.stderr.splitlines()) == 1
    assert await acts(dsn) == []


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
