"""Senders that found nothing to do. News wakes one of them, not all: there is only one thing to be done about it."""

import asyncio
from contextlib import suppress


class IdleSenders:
    """Who waits, the longest first."""

    def __init__(self) -> None:
        self._waits: dict[asyncio.Future[None], bool] = {}
        self._is_closed = False

    async def wait(self, timeout_s: float, *, is_urgent_only: bool) -> None:
        """Until there is news, for the time to be over, or for the end."""
        if self._is_closed:
            return
        news = asyncio.get_running_loop().create_future()
        self._waits[news] = is_urgent_only
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await news
        finally:
            del self._waits[news]

    def wake(self, *, is_urgent: bool) -> None:
        """One of them, if any waits: news of campaigns is for those that serve campaigns."""
        for news, is_urgent_only in self._waits.items():
            if not news.done() and (is_urgent or not is_urgent_only):
                news.set_result(None)
                return

    def close(self) -> None:
        """Wake all, and let nobody wait again."""
        self._is_closed = True
        for news in self._waits:
            if not news.done():
                news.set_result(None)
