"""Answers that break: everything here may happen after acceptance, so a client must not conclude that nothing was sent."""
# ruff: noqa: ARG002 - a scenario is offered more than it needs

import asyncio
from typing import Literal

from aiohttp import web

from penstock.simulator.scenarios.base import Call, Scenario
from penstock.simulator.scenarios.cut import reset, say_and_close
from penstock.simulator.settings import Positive, Share, Span
from penstock.simulator.wire import problem

_HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n"


class ErrorAfter(Scenario):
    """500, 502, 503 or 504 after everything was accepted."""

    status: Literal[500, 502, 503, 504] = 502

    async def answer(self, call: Call, body: bytes) -> web.StreamResponse | None:
        """Fail late."""
        return problem(self.status, trace=call.ordinal)


class StrangeBody(Scenario):
    """Accepted, and answered with an HTML page, an empty 200, a wrong content type, or text that is no JSON."""

    kind: Literal["html", "empty", "wrong_type", "not_json"] = "html"

    async def answer(self, call: Call, body: bytes) -> web.StreamResponse | None:
        """Answer with something else."""
        match self.kind:
            case "html":
                return web.Response(text="<html><body><h1>Service</h1></body></html>", content_type="text/html")
            case "empty":
                return web.Response()
            case "wrong_type":
                return web.Response(body=body, content_type="text/plain")
            case "not_json":
                return web.Response(body=b"OK " + body[:40], content_type="application/json")


class SlowAnswer(Scenario):
    """Accepted at once, answered after some seconds."""

    seconds: Span = 5.0

    async def answer(self, call: Call, body: bytes) -> web.StreamResponse | None:
        """Wait."""
        await asyncio.sleep(self.seconds)
        return None


class ResetDuringBody(Scenario):
    """Reset while the body is read; accepted only if asked for (then the whole body has been read)."""

    accepted: bool = False

    async def arrive(self, call: Call) -> web.StreamResponse | None:
        """Read a little, then cut."""
        if self.accepted:
            return None
        await call.request.content.readany()
        return reset(call.request)

    async def answer(self, call: Call, body: bytes) -> web.StreamResponse | None:
        """Cut after acceptance."""
        return reset(call.request) if self.accepted else None


class ResetAfterAccept(Scenario):
    """Reset after acceptance, before any byte of the answer."""

    async def answer(self, call: Call, body: bytes) -> web.StreamResponse | None:
        """Cut."""
        return reset(call.request)


class TruncatedAnswer(Scenario):
    """A content length larger than what is sent, a chunked body cut short, or a complete answer that is a JSON prefix."""

    kind: Literal["length", "chunked", "json_prefix"] = "length"
    keep: Share = 0.5

    async def answer(self, call: Call, body: bytes) -> web.StreamResponse | None:
        """Send a part."""
        part = body[: int(len(body) * self.keep)]
        match self.kind:
            case "length":
                raw = f"{_HEAD}Content-Length: {len(body)}\r\n\r\n".encode() + part
            case "chunked":
                raw = f"{_HEAD}Transfer-Encoding: chunked\r\n\r\n{len(part):x}\r\n".encode() + part + b"\r\n"
            case "json_prefix":
                raw = f"{_HEAD}Content-Length: {len(part)}\r\nConnection: close\r\n\r\n".encode() + part
        return say_and_close(call.request, raw)


class TrickledAnswer(Scenario):
    """The answer byte by byte, or headers without end."""

    kind: Literal["body", "headers"] = "body"
    gap_s: Span = 0.05
    bytes_at_once: Positive = 1
    headers: Positive = 100
    """How many header lines come before the connection is closed."""

    async def answer(self, call: Call, body: bytes) -> web.StreamResponse | None:
        """Trickle until the client has left."""
        transport = call.request.transport
        pieces = self._headers() if self.kind == "headers" else self._body(body)
        for piece in pieces:
            if transport is None or transport.is_closing():
                break
            transport.write(piece)
            await asyncio.sleep(self.gap_s)
        return say_and_close(call.request, b"")

    def _headers(self) -> list[bytes]:
        return [_HEAD.encode(), *(f"X-Filler-{number}: 0\r\n".encode() for number in range(self.headers))]

    def _body(self, body: bytes) -> list[bytes]:
        step = self.bytes_at_once
        head = f"{_HEAD}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode()
        return [head, *(body[start : start + step] for start in range(0, len(body), step))]


class ClosedOnReuse(Scenario):
    """A kept-alive connection is cut when it is used again; accepted before that only if asked for."""

    accepted: bool = False

    async def arrive(self, call: Call) -> web.StreamResponse | None:
        """Cut a connection that has served before."""
        return reset(call.request) if call.connection_uses > 1 and not self.accepted else None

    async def answer(self, call: Call, body: bytes) -> web.StreamResponse | None:
        """Cut it after acceptance."""
        return reset(call.request) if call.connection_uses > 1 and self.accepted else None


class PrefixAccepted(Scenario):
    """Only the first messages are accepted, then the connection is cut, as by a crash in mid-request."""

    keep: Share = 0.5

    def refuse(self, call: Call, messages: int) -> frozenset[int]:
        """Accept the first part only."""
        return frozenset(range(int(messages * self.keep), messages))

    async def answer(self, call: Call, body: bytes) -> web.StreamResponse | None:
        """Cut."""
        return reset(call.request)
