"""The routes that no API key opens, as values for the API's document: the document itself, the provider's door, the probes."""

from collections.abc import Sequence
from typing import Final

from msgspec import Struct

from penstock.domain.errors import (
    GatewayError,
    LimitReachedError,
    MalformedRequestError,
    NotFoundError,
    RequestTimeoutError,
    TooLargeError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedTypeError,
)

JSON: Final = "application/json"
HTML: Final = "text/html"


class OpenRoute(Struct, frozen=True, kw_only=True):
    """One method at one address, for whoever may reach it."""

    method: str
    path: str
    tag: str
    summary: str
    status: int = 200
    gives: str | None = None
    """The content type of the answer."""
    takes: tuple[str, ...] = ()
    """The content types of the body."""
    errors: tuple[type[GatewayError], ...] = ()
    is_unready: bool = False
    """Whether it answers 503 in its own form when the process is not ready."""
    is_with_secret: bool = False
    """Whether it asks for the provider's secret."""


def _look(path: str, tag: str, summary: str, gives: str, *errors: type[GatewayError]) -> OpenRoute:
    return OpenRoute(method="GET", path=path, tag=tag, summary=summary, gives=gives, errors=errors)


def _probe(path: str, summary: str, *, is_unready: bool = True) -> OpenRoute:
    return OpenRoute(method="GET", path=path, tag="operations", summary=summary, gives=JSON, is_unready=is_unready)


_LIVE: Final = "Whether the process turns its loop. No dependency is asked."
_READY: Final = "Whether traffic may come: dependencies answer, and the process is not draining."
_PROVIDER: Final = (UnauthenticatedError, MalformedRequestError, LimitReachedError, UnavailableError)
_REPORTS: Final = "Take delivery reports from the provider. They are stored when the answer is sent."

OPEN_ROUTES: Final[Sequence[OpenRoute]] = (
    _look("/openapi.json", "documentation", "Read this document.", JSON),
    _look("/docs", "documentation", "Read this document as a page.", HTML),
    _look("/docs/errors/", "documentation", "List every code of an error.", HTML),
    _look("/docs/errors/{code}", "documentation", "Read what a code means, and what to do.", HTML, NotFoundError),
    OpenRoute(
        method="POST", path="/webhooks/mitto/dlr", tag="provider", summary=_REPORTS, status=202, is_with_secret=True,
        takes=(JSON, "application/x-www-form-urlencoded"),
        errors=(*_PROVIDER, RequestTimeoutError, TooLargeError, UnsupportedTypeError),
    ),
    OpenRoute(
        method="GET", path="/webhooks/mitto/dlr", tag="provider", status=202, is_with_secret=True, errors=_PROVIDER,
        summary="Take one delivery report from the provider, in the query.",
    ),
    _probe("/livez", _LIVE, is_unready=False),
    _probe("/healthz", _LIVE, is_unready=False),
    _probe("/startupz", "Whether everything is opened and migrated."),
    _probe("/health/ready", _READY),
    _probe("/readiness", _READY),
    _probe("/health", _READY),
    _probe("/health/full", "The same, with what else there is to know: findings of the last day, by kind."),
    _look("/metrics", "operations", "Read the metrics, for Prometheus.", "text/plain"),
)  # fmt: skip
