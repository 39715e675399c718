"""A customer whose requests all carry a name of their own, so that each may be repeated until it is answered."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self, TypeVar

import aiohttp

from penstock.client import Client, ProblemError
from penstock.client.retry import Retries, is_worth_repeating
from tests.e2e.evidence import numbers, recipient_rows

Answer = TypeVar("Answer")

PAUSE_S = 0.05
PATIENCE_S = 90.0
AT_ONCE = 20
NEVER = Retries(times=0)


class Customer:
    """Patient: whatever happens to the gateway meanwhile, every call ends with the gateway's word."""

    def __init__(self, url: str, api_key: str) -> None:
        self.promised: frozenset[int] = frozenset()
        """The numbers that the gateway has acknowledged."""
        self.asked: frozenset[int] = frozenset()
        """Those that it was asked to take, answered or not."""
        self._client = Client(url, api_key, retries=NEVER)
        connector = aiohttp.TCPConnector(limit=AT_ONCE)
        self._session = aiohttp.ClientSession(url, headers={"Authorization": f"Bearer {api_key}"}, connector=connector)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()
        await self._session.close()

    async def start_campaign(self, n: int, first: int) -> str:
        """A campaign of `n` recipients, made, filled and told to send; its id."""
        name = f"of-{first}"
        self.asked |= numbers(n, first)
        made = await until_answered(lambda: self._client.create_campaign(name, "Hello {name}", key=f"make-{name}"))
        filled = await until_answered(
            lambda: self._client.upload(made.id, recipient_rows(n, first), "text/csv", upload_id=f"fill-{name}")
        )
        assert filled.accepted == n
        self.promised |= numbers(n, first)
        await until_answered(lambda: self._client.send(made.id, expect_recipients=n, key=f"send-{name}"))
        return made.id

    async def send_singles(self, n: int, first: int) -> None:
        """That many single messages, many at a time."""
        self.asked |= numbers(n, first)
        await asyncio.gather(*(until_answered(lambda number=number: self._post(number)) for number in range(first, first + n)))
        self.promised |= numbers(n, first)

    async def try_single(self, number: int) -> int:
        """One single message, asked for once; the status of the answer. Only a 201 is a promise."""
        self.asked |= {number}
        status = await self._ask(number)
        if status == 201:
            self.promised |= {number}
        return status

    async def insist(self) -> None:
        """Ask again, each under its old name, for the single messages that were not promised."""
        for number in sorted(self.asked - self.promised):
            await self.send_singles(1, number)

    async def count_messages(self, campaign: str, state: str) -> int:
        """How many messages of the campaign are listed to their owner in this state."""
        return len([message async for message in self._client.messages(campaign, state=state)])

    async def _post(self, number: int) -> None:
        status = await self._ask(number)
        if status != 201:
            raise ProblemError(status=status, code="refused", detail="", request_id="")

    async def _ask(self, number: int) -> int:
        body = {"to": f"+{number}", "text": f"Your code is {number % 10_000}"}
        async with self._session.post("/v1/messages", json=body, headers={"Idempotency-Key": f"to-{number}"}) as answer:
            return answer.status


async def until_answered(call: Callable[[], Awaitable[Answer]]) -> Answer:
    """Repeat what broke off or was put off; what was refused is raised."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            return await call()
        except (ProblemError, aiohttp.ClientError, TimeoutError, OSError) as error:
            is_refused = isinstance(error, ProblemError) and not is_worth_repeating(error)
            if is_refused or time.monotonic() > end:
                raise
        await asyncio.sleep(PAUSE_S)
