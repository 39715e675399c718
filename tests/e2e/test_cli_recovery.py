"""What operators mend at the command line: held accounts, dead batches, books that differ."""

import pytest

from penstock.store.pool import Store
from tests.builders import ACCOUNT, Scene, make_campaign
from tests.e2e.test_cli import acts, run, run_all, servers


async def test_accounts_by_command(dsn: str, valkey_url: str, store: Store) -> None:
    """An account is held, listed with the reason, its batch size set and forgotten, and released; each act is on record."""
    await make_campaign(store, 1)
    _, held, _, sized, _, _, after = await run_all(
        servers(dsn, valkey_url), f"accounts hold {ACCOUNT} --for 2h --reason invoice", "accounts list",
        f"accounts batch-size {ACCOUNT} 1000", "accounts list", f"accounts batch-size {ACCOUNT}",
        f"accounts release {ACCOUNT}", "accounts list",
    )  # fmt: skip
    columns = held.splitlines()[1].split("\t")
    assert (columns[:2], columns[3]) == ([ACCOUNT, "held"], "invoice")
    assert sized.splitlines()[1].split("\t")[5] == "1000"
    assert after.splitlines()[1].split("\t")[:5] == [ACCOUNT, "open", "", "", "0"]
    verbs = ["account.hold", "account.change", "account.change", "account.release"]
    assert [act[1:] for act in await acts(dsn)] == [(verb, f"account:{ACCOUNT}") for verb in verbs]


async def test_limits_by_command(dsn: str, valkey_url: str, store: Store) -> None:
    """An account's limits are set, shown, and given back to the settings; each act is on record."""
    await make_campaign(store, 1)
    said, limited, _, freed = await run_all(
        servers(dsn, valkey_url), f"accounts limit {ACCOUNT} --segments 300 --requests 7", "accounts list",
        f"accounts limit {ACCOUNT} --segments default", "accounts list",
    )  # fmt: skip
    assert said == f"account {ACCOUNT}: requests_max 7, segments_per_s 300"
    assert limited.splitlines()[1].split("\t")[6:] == ["7", "300"]
    assert freed.splitlines()[1].split("\t")[6:] == ["7"]
    assert [act[1:] for act in await acts(dsn)] == [("account.change", f"account:{ACCOUNT}")] * 2


@pytest.mark.parametrize(
    ("command", "complaint"),
    [
        (f"accounts limit {ACCOUNT} --segments 0", "a number from 1"), (f"accounts limit {ACCOUNT}", "--segments"),
        ("accounts release nobody", "no such account"), (f"accounts hold {ACCOUNT} --for 400d", "up to 366 days"),
        ("dead-letters redrive", "--all"), ("dead-letters redrive 7 --all", "--all"),
        ("dead-letters redrive 7", "no such batch"), ("dead-letters cancel 7", "no such batch"),
    ],
)  # fmt: skip
async def test_what_cannot_be_done_is_one_line(dsn: str, valkey_url: str, command: str, complaint: str) -> None:
    """A name that is not there, a span that is too long, a choice that is none."""
    done = await run(*command.split(), **servers(dsn, valkey_url))
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert complaint in done.stderr


async def kill_batches(scene: Scene) -> list[int]:
    """Let every batch have failed eight times; their ids."""
    await scene.execute("UPDATE batch SET state = 'dead', attempts = 8, failure = 'PayloadError', failed_at = now()")
    return await scene.column("SELECT batch_id FROM batch ORDER BY batch_id")


async def test_dead_letters_by_command(dsn: str, valkey_url: str, store: Store) -> None:
    """Dead batches are listed, redriven one by one, of a campaign or all, and canceled; each act is on record."""
    scene = await make_campaign(store, 40, chunk=10)
    first, second, *_ = await kill_batches(scene)
    listed, one, _, rest, after = await run_all(
        servers(dsn, valkey_url), "dead-letters list", f"dead-letters redrive {first}", f"dead-letters cancel {second}",
        f"dead-letters redrive --campaign {scene.campaign_id}", "dead-letters list",
    )  # fmt: skip
    assert [line.split("\t")[4:7] for line in listed.splitlines()[1:]] == [["10", "8", "PayloadError"]] * 4
    assert (one, rest) == ("1 batch is in the queue again", "2 batches are in the queue again")
    assert len(after.splitlines()) == 1
    assert await scene.column("SELECT state::text FROM batch ORDER BY batch_id") == ["pending", "settled", "pending", "pending"]
    assert await scene.states() == {"queued": 30, "canceled": 10}
    assert [act[1:] for act in await acts(dsn)] == [
        ("dead_letter.redrive", f"batch:{first}"), ("dead_letter.cancel", f"batch:{second}"),
        ("dead_letter.redrive", f"campaign:{scene.campaign_id}"),
    ]  # fmt: skip


async def test_verify_says_whether_the_books_are_right(dsn: str, valkey_url: str, store: Store) -> None:
    """Exit 0 with the numbers when they are; a line a finding and exit 1 when not, and nothing is changed."""
    scene = await make_campaign(store, 20, chunk=10)
    where = servers(dsn, valkey_url)
    assert await run_all(where, "verify") == ["verified campaigns=1 messages=20 findings=0"]
    await scene.execute("DELETE FROM batch WHERE first_seq = 0")
    await scene.execute("UPDATE counter_delta SET n = n + 3 WHERE counter = 'queued'")
    for _ in range(2):
        done = await run("verify", **where)
        assert done.returncode == 1
        said = [line.split(" ")[0] for line in done.stdout.splitlines()]
        assert said == ["books_wrong", "messages_without_batch", "verified"]
        assert "messages=10" in done.stdout
