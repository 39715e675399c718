"""How the ways of a bench take turns, and what floods a server."""

from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from bench import flood
from bench.turns import Figures, line, take_turns


async def test_ways_take_turns_backwards_every_other_round() -> None:
    """One run that is not counted, then pairs; what must happen between two runs happens after each."""
    calls: list[str] = []

    async def way(name: str) -> Figures:
        calls.append(name)
        return {"rate": float(len(calls))}

    async def rest() -> None:
        calls.append("-")

    turns = await take_turns({"a": lambda: way("a"), "b": lambda: way("b")}, 2, warm_up=True, between=rest)
    assert "".join(calls) == "a-b-a-b-b-a-"
    assert line("x", "1/s", turns, "rate", ours="a", theirs="b").ours == [5, 11]


@pytest.fixture
async def server() -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that keeps what it gets, and answers "no" with 500."""
    bodies: list[bytes] = []

    async def answer(request: web.Request) -> web.Response:
        bodies.append(await request.read())
        return web.Response(status=500 if bodies[-1] == b"no" else 202, text="thanks")

    app = web.Application()
    app.add_routes([web.post("/here", answer)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/here", bodies
    await runner.cleanup()


async def test_flood_posts_every_body_once(server: tuple[str, list[bytes]]) -> None:
    """Over few connections, each body arrives exactly once."""
    url, bodies = server
    sent = [b"%d" % number for number in range(100)]
    assert await flood.post(url, sent, 7, {"X-Name": "value"}) > 0
    assert sorted(bodies) == sorted(sent)


async def test_flood_fails_at_the_first_other_answer(server: tuple[str, list[bytes]]) -> None:
    """A server that refuses is not fast."""
    with pytest.raises(AssertionError, match="500"):
        await flood.post(server[0], [b"yes", b"no", b"yes"], 1, {})
