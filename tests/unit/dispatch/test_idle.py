"""Who is woken by what."""

import asyncio

from penstock.dispatch.idle import IdleSenders

LONG_S = 60.0


async def begin(idle: IdleSenders, *names: str) -> dict[str, "asyncio.Task[None]"]:
    """Senders that wait; one whose name begins with `urgent` serves single messages alone."""
    waits = {}
    for name in names:
        only = name.startswith("urgent")
        waits[name] = asyncio.ensure_future(idle.wait(LONG_S, is_urgent_only=only))  # noqa: TID251 - a test's own tasks
        await asyncio.sleep(0)
    return waits


async def woken(waits: dict[str, "asyncio.Task[None]"]) -> list[str]:
    """Who waits no more."""
    for _ in range(3):
        await asyncio.sleep(0)
    return [name for name, wait in waits.items() if wait.done()]


async def test_news_wakes_one_at_a_time() -> None:
    """Each piece of news wakes one sender, the one that has waited longest."""
    idle = IdleSenders()
    waits = await begin(idle, "a", "b", "c")
    idle.wake(is_urgent=True)
    assert await woken(waits) == ["a"]
    idle.wake(is_urgent=False)
    idle.wake(is_urgent=False)
    assert await woken(waits) == ["a", "b", "c"]
    idle.wake(is_urgent=True)


async def test_two_pieces_of_news_at_once_wake_two() -> None:
    """Also before the first one woken has begun to run."""
    idle = IdleSenders()
    waits = await begin(idle, "a", "b", "c")
    idle.wake(is_urgent=True)
    idle.wake(is_urgent=True)
    assert await woken(waits) == ["a", "b"]
    idle.close()


async def test_news_of_campaigns_is_not_for_those_that_do_not_serve_them() -> None:
    """Who serves single messages alone sleeps on, and the news reaches another."""
    idle = IdleSenders()
    waits = await begin(idle, "urgent", "a")
    idle.wake(is_urgent=False)
    assert await woken(waits) == ["a"]
    idle.wake(is_urgent=True)
    assert await woken(waits) == ["urgent", "a"]


async def test_the_end_wakes_all_and_nobody_waits_again() -> None:
    """However many wait, and whoever comes later."""
    idle = IdleSenders()
    waits = await begin(idle, "urgent", "a", "b")
    idle.close()
    assert await woken(waits) == ["urgent", "a", "b"]
    await asyncio.wait_for(idle.wait(LONG_S, is_urgent_only=False), 1)


async def test_waiting_ends_by_itself() -> None:
    """Without any news, and a cancelled wait takes no news from others."""
    idle = IdleSenders()
    await asyncio.wait_for(idle.wait(0.001, is_urgent_only=False), 1)
    waits = await begin(idle, "a", "b")
    waits["a"].cancel()
    await woken(waits)
    idle.wake(is_urgent=True)
    assert await woken(waits) == ["a", "b"]
