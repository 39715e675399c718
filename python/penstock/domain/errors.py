"""Broken rules, told apart by who can act. No HTTP here: api/problems.py projects these.

Each class has a stable code; its docstring's first line is its title, and the argument says what happened this time and what
to do. Expected answers of the provider are values (outcome.py), not errors.
"""

from typing import ClassVar


class GatewayError(Exception):
    """Root of every rule that a caller or an operator can break."""

    code: ClassVar[str] = "gateway_error"

    def __init__(self, detail: str, *, pointer: str | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.pointer = pointer
        """JSON pointer to the field at fault, where there is one."""


class MalformedRequestError(GatewayError):
    """The request cannot be read."""

    code = "malformed_request"


class InvalidValueError(GatewayError):
    """A value is not acceptable."""

    code = "invalid_value"


class OptedOutError(GatewayError):
    """The number does not want messages."""

    code = "opted_out"


class UnauthenticatedError(GatewayError):
    """No valid credential."""

    code = "unauthenticated"


class NotAllowedError(GatewayError):
    """The credential does not open this."""

    code = "not_allowed"


class NotFoundError(GatewayError):
    """There is no such thing."""

    code = "not_found"


class MessagesDroppedError(GatewayError):
    """The messages were dropped when their time to be kept was over."""

    code = "messages_dropped"


class StateConflictError(GatewayError):
    """Not possible in the present state."""

    code = "state_conflict"


class KeyRequiredError(GatewayError):
    """The request needs an Idempotency-Key."""

    code = "idempotency_key_required"


class KeyReusedError(GatewayError):
    """The Idempotency-Key belongs to another request."""

    code = "idempotency_key_reused"


class InProgressError(GatewayError):
    """The same request is still being answered."""

    code = "request_in_progress"


class TooLargeError(GatewayError):
    """The body is too large."""

    code = "too_large"


class UnsupportedTypeError(GatewayError):
    """The content type is not supported here."""

    code = "unsupported_type"


class RequestTimeoutError(GatewayError):
    """The body did not arrive in time."""

    code = "request_timeout"


class LimitReachedError(GatewayError):
    """Too many calls; wait and try again."""

    code = "limit_reached"

    def __init__(self, detail: str, *, retry_after_s: int) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s
        """Seconds after which the same call may pass."""


class UnavailableError(GatewayError):
    """A dependency is away; try again."""

    code = "unavailable"

    def __init__(self, detail: str, *, retry_after_s: int = 1) -> None:
        super().__init__(detail)
        self.retry_after_s = retry_after_s
