"""The name of a request: in its answer, in every log line about it, and in the answer's body when it failed."""

from typing import Final

from aiohttp import web

SERVER: Final = "penstock"
"""The header Server: not which library in which version."""

REQUEST_ID: Final = web.RequestKey("request_id", str)


def request_id(request: web.Request) -> str:
    """The request's name, '' before it has one."""
    name: str = request.get(REQUEST_ID, "")
    return name
