"""What the gateway refused, as an exception."""

from typing import Any

import msgspec


class ProblemError(Exception):
    """A problem answer: branch on `code`, show `detail`, quote `request_id` to whoever runs the gateway."""

    def __init__(self, *, status: int, code: str, detail: str, request_id: str, upload: dict[str, Any] | None = None) -> None:
        super().__init__(f"{status} {code}: {detail} (request {request_id})")
        self.status = status
        self.code = code
        self.detail = detail
        self.request_id = request_id
        self.upload = upload
        """For an upload that stopped half-way: `upload_id`, `rows` and `line` to continue behind."""


class _Body(msgspec.Struct):
    code: str
    detail: str
    title: str
    upload: dict[str, Any] | None = None


def read_problem(status: int, body: bytes, request_id: str) -> ProblemError:
    """Make the error of an answer; a proxy between may have answered in another form."""
    try:
        problem = msgspec.json.decode(body, type=_Body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ProblemError(
            status=status, code="not_a_problem", detail="No problem details in the answer.", request_id=request_id
        )
    detail = problem.detail or problem.title
    return ProblemError(status=status, code=problem.code, detail=detail, request_id=request_id, upload=problem.upload)
