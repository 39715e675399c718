"""What the gateway refused, as an exception."""

from collections.abc import Mapping
from typing import Any

import msgspec


class ProblemError(Exception):
    """A problem answer: branch on `code`, show `detail`, quote `request_id` to whoever runs the gateway."""

    def __init__(  # noqa: PLR0913 - the parts of the answer
        self,
        *,
        status: int,
        code: str,
        detail: str,
        request_id: str,
        retryable: bool = False,
        retry_after: str | None = None,
        upload: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{status} {code}: {detail} (request {request_id})")
        self.status = status
        self.code = code
        self.detail = detail
        self.request_id = request_id
        self.retryable = retryable
        """The gateway says that the same request may succeed later."""
        self.retry_after = retry_after
        """The header of that name."""
        self.upload = upload
        """For an upload that stopped half-way: `upload_id`, `rows` and `line` to continue behind."""


class _Body(msgspec.Struct):
    code: str
    detail: str
    title: str
    retryable: bool = False
    upload: dict[str, Any] | None = None


def read_problem(status: int, body: bytes, headers: Mapping[str, str]) -> ProblemError:
    """Make the error of an answer; a proxy between may have answered in another form."""
    request_id, retry_after = headers.get("X-Request-Id", ""), headers.get("Retry-After")
    try:
        problem = msgspec.json.decode(body, type=_Body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        problem = _Body("not_a_problem", "No problem details in the answer.", "")
    return ProblemError(
        status=status, code=problem.code, detail=problem.detail or problem.title, request_id=request_id,
        retryable=problem.retryable, retry_after=retry_after, upload=problem.upload,
    )  # fmt: skip
