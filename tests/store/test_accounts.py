from datetime import timedelta

import pytest

from penstock.domain.ids import AccountId
from penstock.store import accounts
from penstock.store.pool import Connection, Store
from tests.builders import ACCOUNT


async def seconds_held(connection: Connection) -> float | None:
    """How long the account still waits."""
    left: float | None = await connection.fetchval(
        "SELECT extract(epoch FROM held_until - clock_timestamp())::float8 FROM account"
    )
    return left


async def test_an_account_is_made_once(store: Store) -> None:
    """Ensuring an account that exists changes nothing of it."""
    async with store.engine() as connection:
        await accounts.ensure_account(connection, ACCOUNT)
        await accounts.hold_account(connection, ACCOUNT, timedelta(minutes=1), "http_403")
        await accounts.ensure_account(connection, ACCOUNT)
        (found,) = await accounts.list_accounts(connection)
    assert (found.account_id, found.held_reason, found.backoff_step, found.learned_batch_size) == (ACCOUNT, "http_403", 0, None)


@pytest.mark.parametrize(("first_s", "second_s"), [(60, 10), (10, 60), (60, 60)])
async def test_a_hold_is_never_shortened(store: Store, first_s: int, second_s: int) -> None:
    """Of two holds the one that ends later counts."""
    async with store.engine() as connection:
        await accounts.ensure_account(connection, ACCOUNT)
        await accounts.hold_account(connection, ACCOUNT, timedelta(seconds=first_s), "first")
        await accounts.hold_account(connection, ACCOUNT, timedelta(seconds=second_s), "second")
        assert 50 < (await seconds_held(connection) or 0) <= 60


async def test_a_success_forgets_failures_but_not_a_running_hold(store: Store) -> None:
    """After an accepted call the count of failures is 0; a hold that is not over stays, with its reason."""
    async with store.engine() as connection:
        await accounts.ensure_account(connection, ACCOUNT)
        assert [await accounts.back_off_account(connection, ACCOUNT) for _ in range(3)] == [0, 1, 2]
        await accounts.hold_account(connection, ACCOUNT, timedelta(minutes=1), "http_429")
        await accounts.note_success(connection, ACCOUNT)
        (found,) = await accounts.list_accounts(connection)
        assert (found.backoff_step, found.held_reason) == (0, "http_429")
        assert (await seconds_held(connection) or 0) > 50
        assert await accounts.back_off_account(connection, ACCOUNT) == 0


async def test_a_success_clears_a_hold_that_is_over(store: Store) -> None:
    """An ended hold and its reason are forgotten with the first accepted call."""
    async with store.engine() as connection:
        await accounts.ensure_account(connection, ACCOUNT)
        await accounts.hold_account(connection, ACCOUNT, timedelta(seconds=-1), "http_429")
        await accounts.note_success(connection, ACCOUNT)
        (found,) = await accounts.list_accounts(connection)
    assert (found.held_until, found.held_reason) == (None, None)


async def test_a_healthy_account_is_not_written(store: Store) -> None:
    """A success with nothing to forget writes no row version."""
    async with store.engine() as connection:
        await accounts.ensure_account(connection, ACCOUNT)
        before = await connection.fetchval("SELECT xmin::text FROM account")
        await accounts.note_success(connection, ACCOUNT)
        assert await connection.fetchval("SELECT xmin::text FROM account") == before


async def test_refused_messages_are_counted_in_a_row(store: Store) -> None:
    """The count goes on until a success, and other accounts have their own."""
    other = AccountId("other")
    async with store.engine() as connection:
        for account in (ACCOUNT, other):
            await accounts.ensure_account(connection, account)
        counts = [await accounts.note_refused(connection, account) for account in (ACCOUNT, ACCOUNT, other)]
        await accounts.note_success(connection, ACCOUNT)
        counts += [await accounts.note_refused(connection, account) for account in (ACCOUNT, other)]
    assert counts == [1, 2, 1, 1, 2]


async def test_the_learned_size_only_shrinks(store: Store) -> None:
    """A size that was refused is never forgotten for a larger one."""
    async with store.engine() as connection:
        await accounts.ensure_account(connection, ACCOUNT)
        for size in (100, 50, 80):
            await accounts.learn_batch_size(connection, ACCOUNT, size)
        (found,) = await accounts.list_accounts(connection)
    assert found.learned_batch_size == 50
