"""The only file that opens a connection to Mitto. It sends once and reports what happened, it asks; it judges nothing.

What decides between "not sent" and "nobody knows" is whether the request's head was handed to the transport, observed by a
trace of each request; an exception's class alone never makes a request unsent. aiohttp repeats requests on dead kept-alive
connections only for idempotent methods, so a POST leaves once, and a GET twice at most; redirects are not followed.
"""

import io
from collections.abc import Awaitable, Callable
from types import SimpleNamespace, TracebackType
from typing import Final, Self
from urllib.parse import quote

import aiohttp
import structlog
from msgspec import Struct

from penstock import config, failpoint
from penstock.failpoint import Point
from penstock.providers.port import Answered, Disconnected, IsFree, Reply, Unsent, always

log = structlog.stdlib.get_logger(__name__)

MITTO_API: Final = "https://messaging.mittoapi.com"
MESSAGES_PATH: Final = "/api/v1.1/Messages"
MAX_ANSWER_BYTES: Final = 16_000_000
"""An answer holds some 120 bytes a message; what is larger is not read on."""
MAX_MESSAGE_BYTES: Final = 500_000
"""The same for one message: its text twice, escaped, and little else."""
LOOK_UP_TIMEOUT_S: Final = 10.0
"""Deadline of a look-up as a whole. Nothing hangs on one: it is asked again."""
KEEPALIVE_S: Final = 4.0
"""Less than the idle time after which common servers and balancers close (5 s and more): a connection that dies in the moment
of its reuse makes a whole batch unknown."""
DNS_TTL_S: Final = 30
_LARGE_BYTES: Final = 1 << 18


class _NotFreeError(Exception):
    """It was told to stay at the last moment."""


# Exception → reason and whether it can only come from before the first byte. The first match counts; subclasses stand first.
_FAILURES: Final[tuple[tuple[type[Exception], str, bool], ...]] = (
    (_NotFreeError, "not_free", True),
    (aiohttp.InvalidURL, "address", True),
    (aiohttp.NonHttpUrlClientError, "address", True),
    (aiohttp.ClientConnectorDNSError, "dns", True),
    (aiohttp.ClientConnectorCertificateError, "tls_certificate", True),
    (aiohttp.ClientSSLError, "tls", True),
    (aiohttp.ServerFingerprintMismatch, "tls_certificate", True),
    (aiohttp.ClientConnectorError, "connect", True),
    (aiohttp.ConnectionTimeoutError, "connect_timeout", True),
    (TimeoutError, "timeout", True),
    (aiohttp.ClientPayloadError, "truncated", False),
    (aiohttp.ServerDisconnectedError, "disconnected", False),
    (aiohttp.ClientResponseError, "not_http", False),
    (aiohttp.ClientError, "connection", False),
    (OSError, "connection", False),
)


class _Progress(Struct):
    """How far one request came."""

    is_free: IsFree = always
    has_left: bool = False


class MittoClient:
    """A pooled connection to Mitto: `async with MittoClient(settings.mitto) as client`."""

    def __init__(self, settings: config.Mitto) -> None:
        """Check the settings; nothing is opened yet. Raises ValueError without an API key."""
        if settings.api_key is None:
            raise ValueError("MITTO_API_KEY is not set")
        self._settings = settings
        self._url = (settings.api_base or MITTO_API).rstrip("/") + MESSAGES_PATH
        self._headers = {
            "X-Mitto-API-Key": settings.api_key.reveal(),
            "Content-Type": "application/json",
            "Accept": "application/json",
            "User-Agent": "penstock",
        }
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=self._settings.connections, keepalive_timeout=KEEPALIVE_S, ttl_dns_cache=DNS_TTL_S
            ),
            timeout=aiohttp.ClientTimeout(
                total=self._settings.timeout.total_seconds(),
                connect=self._settings.connect_timeout.total_seconds(),
                sock_connect=self._settings.connect_timeout.total_seconds(),
            ),
            headers=self._headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[_trace()],
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    async def send_bulk(
        self, body: bytes, expected: int, is_free: IsFree = always  # noqa: ARG002 - the port's other providers may need it
    ) -> Reply:  # fmt: skip
        """POST the body once and say what came back; failures of the transport are values, cancellation passes through.

        Where `is_free` says no, the connection that was found for the request is closed, and the request is unsent.
        """
        return await self._observed(_Progress(is_free), lambda session, progress: self._post(session, body, progress))

    async def get_message(self, provider_id: str) -> Reply:
        """GET one message and say what came back."""
        return await self._observed(_Progress(), lambda session, progress: self._get(session, provider_id, progress))

    async def _observed(
        self, progress: _Progress, call: Callable[[aiohttp.ClientSession, _Progress], Awaitable[Reply]]
    ) -> Reply:
        if self._session is None:
            raise RuntimeError("the client is not open")
        try:
            return await call(self._session, progress)
        except Exception as error:  # noqa: BLE001 - whatever it was, what may have left decides
            return _translate(error, progress)

    async def _post(self, session: aiohttp.ClientSession, body: bytes, progress: _Progress) -> Reply:
        url = f"{self._url}/sendmessagesbulk"
        data = io.BytesIO(body) if len(body) > _LARGE_BYTES else body  # aiohttp writes these in slices, for others to run
        async with session.post(url, data=data, allow_redirects=False, trace_request_ctx=progress) as response:
            failpoint.reach(Point.SEND_AFTER_WRITE)
            return await _read(response, MAX_ANSWER_BYTES)

    async def _get(self, session: aiohttp.ClientSession, provider_id: str, progress: _Progress) -> Reply:
        url, deadline = f"{self._url}/{quote(provider_id, safe='')}", aiohttp.ClientTimeout(total=LOOK_UP_TIMEOUT_S)
        async with session.get(url, allow_redirects=False, trace_request_ctx=progress, timeout=deadline) as response:
            return await _read(response, MAX_MESSAGE_BYTES)


async def _read(response: aiohttp.ClientResponse, most_bytes: int) -> Reply:
    content = bytearray()
    async for piece in response.content.iter_any():
        content += piece
        if len(content) > most_bytes:
            response.close()
            return Disconnected("answer_too_large")
    retry_after = response.headers.get("Retry-After")
    return Answered(response.status, retry_after if retry_after and retry_after.isascii() else None, bytes(content))


def _translate(error: Exception, progress: _Progress) -> Reply:
    """By the table, and never unsent once the head was handed to the transport."""
    for kind, reason, is_before in _FAILURES:
        if isinstance(error, kind):
            return Unsent(reason) if is_before and not progress.has_left else Disconnected(reason)
    log.error("provider_client_failed", exc_info=error)
    return Disconnected("client_error") if progress.has_left else Unsent("client_error")


def _trace() -> aiohttp.TraceConfig:
    """Ask just before a request's head goes to the transport; mark its progress then, and before each part of its body."""
    trace = aiohttp.TraceConfig()
    trace.on_request_headers_sent.append(_depart)
    trace.on_request_chunk_sent.append(_mark)
    return trace


async def _depart(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
    progress: _Progress = context.trace_request_ctx
    if not await progress.is_free():
        raise _NotFreeError
    progress.has_left = True


async def _mark(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
    context.trace_request_ctx.has_left = True
