"""Mitto's messaging API over HTTP: sending one, sending many, looking one up. Paths ignore case."""

import re
import weakref
from collections.abc import Sequence
from typing import Any

import orjson
from aiohttp import web

from penstock.simulator import ulid
from penstock.simulator.intake import Intake, account_names
from penstock.simulator.journal import SendKind
from penstock.simulator.lookup import Lookup
from penstock.simulator.moment import now
from penstock.simulator.parts import Parts
from penstock.simulator.rules import Rule
from penstock.simulator.scenarios.base import Call
from penstock.simulator.wire import Malformed, Message, answer_json, problem, read_messages

_PATH = re.compile(r"/api/v1(?:\.1)?/messages/([^/]+)/?", re.IGNORECASE)
_SENDS: dict[str, SendKind] = {"send": "send", "sendmessagesbulk": "bulk"}


class MessagingApi:
    """The handler of everything below `/api/`."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._intake = Intake(parts)
        self._lookup = Lookup(parts.requests, parts.schedule, parts.settings)
        self._uses: weakref.WeakKeyDictionary[Any, int] = weakref.WeakKeyDictionary()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Route a request by its path, whatever its case."""
        match = _PATH.fullmatch(request.path)
        if match is None:
            return problem(404)
        kind = _SENDS.get(match[1].lower())
        if kind is None:
            return await self._look_up(request, match[1].upper()) if request.method == "GET" else problem(405)
        return await self._send(request, kind) if request.method == "POST" else problem(405)

    async def _send(self, request: web.Request, kind: SendKind) -> web.StreamResponse:
        self._parts.summary.requests += 1
        call = self._call(request, kind, self._parts.summary.requests)
        rules = self._parts.rules.claim(call.ordinal, kind, call.at)
        for rule in rules:
            self._parts.journal.note({"scenario": rule.request.scenario, "request": call.ordinal, "at": call.at})
            if answer := await rule.scenario.arrive(call):
                return self._refused(call, 0, None, rule, answer)
        call.body = await request.read()
        call.at = now()
        messages = self._read(call)
        if isinstance(messages, web.Response):
            return self._refused(call, messages.status, None, None, messages)
        for rule in rules:
            if answer := rule.scenario.judge(call, len(messages)):
                return self._refused(call, answer.status, len(messages), rule, answer)
        accepted = self._intake.accept(call, messages, [rule.scenario for rule in rules])
        if not rules:
            return answer_json(self._intake.write(accepted, messages))
        return await self._answer_by(rules, call, messages)

    async def _answer_by(self, rules: Sequence[Rule], call: Call, messages: Sequence[Message]) -> web.StreamResponse:
        """Let scenarios change the answer, then let one replace it."""
        assert call.accepted is not None  # noqa: S101 - just accepted
        document = self._intake.document(call.accepted, messages)
        for rule in rules:
            document = rule.scenario.shape(call, document)
        body = orjson.dumps(document)
        for rule in rules:
            if answer := await rule.scenario.answer(call, body):
                return answer
        return answer_json(body)

    async def _look_up(self, request: web.Request, message_id: str) -> web.StreamResponse:
        call = self._call(request, None, self._parts.summary.requests)
        rules = self._parts.rules.claim(call.ordinal, None, call.at)
        for rule in rules:
            if answer := await rule.scenario.arrive(call):
                return answer
        accounts = self._accounts(request)
        if accounts is None:
            return problem(401)
        document = self._lookup.find(message_id, call.at)
        if document is None or (accounts and document["trafficAccountId"] not in accounts):
            return problem(404)
        for rule in rules:
            document = rule.scenario.shape(call, document)
        return answer_json(orjson.dumps(document))

    def _read(self, call: Call) -> list[Message] | web.Response:
        """Return the messages of a request that may be accepted, or its refusal."""
        allowed = self._accounts(call.request)
        if allowed is None:
            return problem(401, trace=call.ordinal)
        assert call.kind is not None  # noqa: S101 - look-ups never come here
        try:
            messages = read_messages(call.kind, call.body)
            named = account_names(messages)
        except Malformed as error:
            return problem(400, {error.member: [error.reason]}, call.ordinal)
        if self._parts.settings.references == "refused" and any(message.reference is not None for message in messages):
            return problem(400, {"reference": ["The member is unknown."]}, call.ordinal)
        if len(messages) > ulid.MAX_POSITIONS:
            return problem(413, trace=call.ordinal)
        if allowed and not named.issubset(allowed):
            errors = {"trafficAccountId": ["The traffic account is not available."]}
            return problem(self._parts.settings.foreign_account_status, errors, call.ordinal)
        return messages

    def _accounts(self, request: web.Request) -> tuple[str, ...] | None:
        """Return the accounts of the request's key (empty: any); None if the key is missing or wrong."""
        return self._parts.settings.keys.get(request.headers.get("X-Mitto-API-Key", ""))

    def _call(self, request: web.Request, kind: SendKind | None, ordinal: int) -> Call:
        uses = self._uses.get(request.transport, 0) + 1
        self._uses[request.transport] = uses
        return Call(
            request=request,
            kind=kind,
            ordinal=ordinal,
            at=now(),
            seed=self._parts.settings.seed,
            known_id=self._parts.requests.some_id,
            report_now=self._parts.schedule.report_now,
            connection_uses=uses,
        )

    def _refused(
        self, call: Call, status: int, messages: int | None, rule: Rule | None, answer: web.StreamResponse
    ) -> web.StreamResponse:
        """Note a request that accepted nothing."""
        self._parts.summary.refused[status] += 1
        scenario = rule.request.scenario if rule else None
        self._parts.journal.note(
            {"refused": status, "request": call.ordinal, "at": call.at, "messages": messages, "scenario": scenario}
        )
        return answer
