"""Accepting a request: the one moment after which its messages count as sent.

Synchronous on purpose: nothing can come between the decision, the journal and the schedule. No de-duplication of any
kind, as Mitto's messaging API has none: the same request twice makes two sets of messages.
"""

import re
import uuid
from collections.abc import Iterable, Sequence
from random import Random

from penstock.simulator import ulid
from penstock.simulator.accepted import Accepted, cut_slices
from penstock.simulator.journal import AcceptedEntry
from penstock.simulator.parts import Parts
from penstock.simulator.plan import usual_plan
from penstock.simulator.scenarios.base import Call, Document, Scenario
from penstock.simulator.wire import Malformed, Message, write_answer

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


class Intake:
    """Turns read requests into accepted messages and their answers."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._usual = usual_plan(parts.settings)
        self._chance = Random(parts.settings.seed)

    def accept(self, call: Call, messages: Sequence[Message], scenarios: Iterable[Scenario] = ()) -> Accepted:
        """Accept all messages but those a scenario refuses; the journal has them when this returns."""
        assert call.kind is not None  # noqa: S101 - look-ups never come here
        plan, refused = self._usual, frozenset[int]()
        for scenario in scenarios:
            plan = scenario.plan(plan)
            refused |= scenario.refuse(call, len(messages))
        prefix = ulid.make_prefix(call.at, self._chance.getrandbits(60))
        accepted = Accepted(
            ordinal=call.ordinal,
            kind=call.kind,
            prefix=prefix,
            at=call.at,
            count=len(messages),
            refused=refused,
            body=(self._record(call, prefix, len(messages), refused), len(call.body)),
            plan=plan,
            slices=cut_slices(plan, at=call.at, count=len(messages), chance=self._chance),
            seed=self._parts.settings.seed,
        )
        self._parts.summary.accepted += len(messages) - len(refused)
        self._parts.requests.add(accepted)
        self._parts.schedule.add(accepted)
        call.accepted = accepted
        return accepted

    def _record(self, call: Call, prefix: str, count: int, refused: frozenset[int]) -> int:
        """Write the request to the journal; return where its body lies."""
        assert call.kind is not None  # noqa: S101 - look-ups never come here
        entry = AcceptedEntry(
            request=call.ordinal,
            kind=call.kind,
            at=call.at,
            prefix=prefix,
            count=count,
            body=len(call.body),
            refused=tuple(sorted(refused)),
        )
        return self._parts.journal.append_request(entry, call.body)

    def write(self, accepted: Accepted, messages: Sequence[Message]) -> bytes:
        """Write the usual answer."""
        return write_answer(self._bulk_id(accepted), [message.traffic_account_id for message in messages], accepted.ids())

    def document(self, accepted: Accepted, messages: Sequence[Message]) -> Document:
        """Return the usual answer as a document that scenarios may change."""
        pairs = zip(messages, accepted.ids(), strict=True)
        elements = [{"trafficAccountId": message.traffic_account_id, "messageId": i} for message, i in pairs]
        bulk_id = self._bulk_id(accepted)
        return {"bulkId": bulk_id, "messages": elements} if bulk_id else {"messages": elements}

    def _bulk_id(self, accepted: Accepted) -> str | None:
        if accepted.kind == "send":
            return None
        return str(uuid.UUID(int=ulid.decode(accepted.prefix) << 18, version=4))


def account_names(messages: Iterable[Message]) -> set[str]:
    """Return the traffic accounts named in a request; raises `Malformed` if one is no GUID."""
    accounts = {message.traffic_account_id for message in messages}
    if not all(map(_GUID.fullmatch, accounts)):
        raise Malformed("trafficAccountId", "The traffic account is not a GUID.")
    return accounts
