"""What all tests of whole processes share."""

import asyncio
from collections.abc import Callable

import uvloop


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that the gateway itself runs on.

    asyncio's own leaves a connection open that it accepted while its server closed: a test that ends in a flood of
    reports would fail by that, now and then.
    """
    return {"uvloop": uvloop.new_event_loop}
