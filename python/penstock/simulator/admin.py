"""The simulator's own interface below `/_sim/`: ground truth, counts, and the scenarios in force."""

from html import escape
from typing import Any

import msgspec
import orjson
from aiohttp import web

from penstock.simulator.journal import Journal
from penstock.simulator.moment import now
from penstock.simulator.ndjson import unfold
from penstock.simulator.rules import Rules, convert_rule
from penstock.simulator.scenarios.registry import describe_scenarios
from penstock.simulator.summary import Summary
from penstock.simulator.wire import answer_json

NEXT_OFFSET = "X-Next-Offset"


class Admin:
    """The handlers of the admin interface."""

    def __init__(self, journal: Journal, rules: Rules, summary: Summary) -> None:
        self._journal = journal
        self._rules = rules
        self._summary = summary

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Register every path."""
        router.add_get("/_sim/journal", self.read_journal)
        router.add_get("/_sim/summary", self.read_summary)
        router.add_get("/_sim/scenarios", self.list_scenarios)
        router.add_get("/_sim/scenario", self.read_rules)
        router.add_post("/_sim/scenario", self.add_rules)
        router.add_delete("/_sim/scenario", self.clear_rules)

    async def read_journal(self, request: web.Request) -> web.StreamResponse:
        """Stream the journal's lines after `?after=` (an offset given out before; 0 is the start).

        The header `X-Next-Offset` says where to go on. `?limit=` ends the answer near so many bytes of the compact file.
        """
        try:
            start = max(0, int(request.query.get("after", "0")))
            stop = self._journal.boundary(start, max(1, int(request.query.get("limit", str(1 << 62)))))
            first = next(self._journal.entries(start, stop), None)
        except (ValueError, msgspec.DecodeError):
            return _refuse("after and limit are byte counts; after is one that was given out")
        if first is None and start != stop:
            return _refuse("after lies behind the journal's end")
        answer = web.StreamResponse(headers={NEXT_OFFSET: str(stop), "Content-Type": "application/x-ndjson"})
        await answer.prepare(request)
        for entry, body in self._journal.entries(start, stop):
            await answer.write(unfold(entry, body))
        await answer.write_eof()
        return answer

    async def read_summary(self, _: web.Request) -> web.StreamResponse:
        """Answer the running counts."""
        return _json(self._summary.render())

    async def list_scenarios(self, request: web.Request) -> web.StreamResponse:
        """List what the simulator can do: a page for people, JSON for programs."""
        scenarios = describe_scenarios()
        if "text/html" not in request.headers.get("Accept", ""):
            return _json(scenarios)
        rows = "".join(
            f"<tr><td>{entry['scenario']}<td>{escape(entry['meaning'])}<td>"
            + escape(", ".join(f"{name}={value}" for name, value in entry["parameters"].items()))
            for entry in scenarios
        )
        page = f"<!doctype html><title>Scenarios</title><table><tr><th>Id<th>Meaning<th>Parameters{rows}</table>"
        return web.Response(text=page, content_type="text/html")

    async def read_rules(self, _: web.Request) -> web.StreamResponse:
        """List the scenarios in force."""
        return _json(self._rules.render())

    async def add_rules(self, request: web.Request) -> web.StreamResponse:
        """Put one scenario in force, or a list of them."""
        try:
            document = orjson.loads(await request.read())
            wanted = [convert_rule(entry) for entry in (document if isinstance(document, list) else [document])]
            rules = [self._rules.add(entry, now()) for entry in wanted]
        except ValueError as error:
            return _refuse(str(error))
        return _json([rule.render() for rule in rules], 201)

    async def clear_rules(self, request: web.Request) -> web.StreamResponse:
        """Remove the rule `?number=`, or all."""
        number = request.query.get("number")
        if number is not None and not number.isdecimal():
            return _refuse("number is a whole number")
        return _json({"removed": self._rules.clear(None if number is None else int(number))})


def _json(document: Any, status: int = 200) -> web.Response:  # noqa: ANN401 - whatever JSON can hold
    return answer_json(msgspec.json.encode(document), status)


def _refuse(reason: str) -> web.Response:
    return _json({"error": reason}, 400)
