"""Misbehaviour of the look-up by id."""
# ruff: noqa: ARG002 - a scenario is offered more than it needs

from typing import Literal

from aiohttp import web

from penstock.simulator.scenarios.base import Call, Document, Scenario
from penstock.simulator.wire import problem


class StrangeLookup(Scenario):
    """GET answers 404, 429 or 5xx, or shows a status that went back to `Pending`."""

    kind: Literal["missing", "too_many", "error", "backwards"] = "missing"
    reads = True

    async def arrive(self, call: Call) -> web.StreamResponse | None:
        """Answer with an error."""
        if self.kind == "backwards":
            return None
        return problem({"missing": 404, "too_many": 429, "error": 500}[self.kind], trace=call.ordinal)

    def shape(self, call: Call, document: Document) -> Document:
        """Turn the status back."""
        if self.kind == "backwards":
            document["deliveryStatus"] = "Pending"
        return document
