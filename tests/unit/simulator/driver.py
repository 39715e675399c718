"""What the simulator's tests say to it, and what they hear from it."""

import asyncio
from types import TracebackType
from typing import Any, Self

import aiohttp
import orjson
from aiohttp import web

from penstock.simulator import Simulator

ACCOUNT = "0b6f2c9e-5a41-4d0e-9a8b-1f2e3d4c5b6a"
KEY = {"X-Mitto-API-Key": "simulator-key"}
BULK = "/api/v1.1/Messages/sendmessagesbulk"
SEND = "/api/v1.1/Messages/send"


def message(number: int = 0, **changes: Any) -> dict[str, Any]:
    """Build one synthetic message."""
    sms = {"text": f"Hello {number}", "sender": "Example"}
    return {"trafficAccountId": ACCOUNT, "destination": f"+4915100{number:06d}", "sms": sms} | changes


class Driver:
    """A client of one simulator."""

    def __init__(self, simulator: Simulator, session: aiohttp.ClientSession) -> None:
        self.simulator = simulator
        self.session = session

    async def bulk(self, count: int = 3, first: int = 0) -> tuple[int, Any]:
        """Send a bulk; return the status and the answer's JSON, or its text if it is none."""
        return await self.post({"messages": [message(first + number) for number in range(count)]})

    async def post(self, document: Any, path: str = BULK, headers: dict[str, str] = KEY) -> tuple[int, Any]:
        """Post JSON."""
        async with self.session.post(path, data=orjson.dumps(document), headers=headers) as answer:
            body = await answer.read()
            return answer.status, orjson.loads(body) if "json" in answer.content_type else body.decode()

    async def get(self, message_id: str) -> tuple[int, Any]:
        """Look a message up."""
        async with self.session.get(f"/api/v1.1/Messages/{message_id}", headers=KEY) as answer:
            return answer.status, await answer.json(content_type=None)

    async def journal(self, after: int = 0) -> list[dict[str, Any]]:
        """Read the ground truth."""
        async with self.session.get("/_sim/journal", params={"after": after}) as answer:
            return [orjson.loads(line) for line in (await answer.read()).splitlines()]

    async def accepted(self) -> list[dict[str, Any]]:
        """Read the accepted messages from the ground truth."""
        return [line for line in await self.journal() if "wire_time" in line]

    async def scenario(self, identifier: str, **parameters: Any) -> None:
        """Put a scenario in force for every request."""
        document = {"scenario": identifier, "parameters": parameters}
        async with self.session.post("/_sim/scenario", json=document) as answer:
            assert answer.status == 201, await answer.text()


class Receiver:
    """A callback address that keeps every call and can be waited on."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, str], str, bytes]] = []
        self.statuses: list[int] = []
        self._changed = asyncio.Condition()

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_route("*", "/dlr", self._take)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Where reports go."""
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}/dlr"

    @property
    def reports(self) -> list[dict[str, Any]]:
        """All reports that came as JSON, in order."""
        bodies = (orjson.loads(body) for _, _, _, body in self.calls)
        return [report for body in bodies for report in (body if isinstance(body, list) else [body])]

    async def wait(self, calls: int) -> None:
        """Return when so many calls have come."""
        async with asyncio.timeout(5), self._changed:
            await self._changed.wait_for(lambda: len(self.calls) >= calls)

    async def _take(self, request: web.Request) -> web.Response:
        self.calls.append((request.method, dict(request.headers), request.query_string, await request.read()))
        async with self._changed:
            self._changed.notify_all()
        return web.Response(status=self.statuses.pop(0) if self.statuses else 202)
