"""The moments of a request at which a scenario may step in.

A scenario is a struct whose fields are its parameters; its docstring is what the list of scenarios shows. Several may be
active for one request: each gets its turn, in the order in which they were set.
"""
# ruff: noqa: ARG002 - a scenario is offered more than it needs

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any, ClassVar

import msgspec
from aiohttp import web

from penstock.simulator.accepted import Accepted
from penstock.simulator.journal import SendKind
from penstock.simulator.plan import Plan

Document = dict[str, Any]


@dataclass(kw_only=True)
class Call:
    """One HTTP request in hand; `accepted` is filled in once it is."""

    request: web.Request
    kind: SendKind | None
    ordinal: int
    at: float
    seed: int
    known_id: Callable[[], str | None]
    report_now: Callable[[Accepted], Awaitable[None]]
    body: bytes = b""
    connection_uses: int = 1
    accepted: Accepted | None = None

    @cached_property
    def chance(self) -> Random:
        """The request's own source of chance."""
        return Random(f"call/{self.seed}/{self.ordinal}")


class Scenario(msgspec.Struct, kw_only=True, forbid_unknown_fields=True, dict=True):
    """Does nothing: the happy path."""

    reads: ClassVar[bool] = False
    """Whether it concerns look-ups by GET instead of sends."""

    async def arrive(self, call: Call) -> web.StreamResponse | None:
        """Step in before the body is read; an answer ends the request, nothing is accepted."""
        return None

    def judge(self, call: Call, messages: int) -> web.StreamResponse | None:
        """Step in before acceptance, when the request is known to be well-formed; an answer ends it."""
        return None

    def refuse(self, call: Call, messages: int) -> frozenset[int]:
        """Return the positions that are not accepted although the request is."""
        return frozenset()

    def plan(self, plan: Plan) -> Plan:
        """Return how the messages of this request will be reported."""
        return plan

    def shape(self, call: Call, document: Document) -> Document:
        """Return the answer's JSON document."""
        return document

    async def answer(self, call: Call, body: bytes) -> web.StreamResponse | None:
        """Step in after acceptance; an answer replaces the usual one."""
        return None
