"""Answers that are well-formed JSON and yet not what the request's order and length would suggest."""
# ruff: noqa: ARG002 - a scenario is offered more than it needs

from typing import Literal

from penstock.simulator.fate import pick
from penstock.simulator.scenarios.base import Call, Document, Scenario
from penstock.simulator.settings import Positive, Share


class HappyPath(Scenario):
    """Every message accepted once, one final state."""


class PartlyRefused(Scenario):
    """Some elements are refused: they have an error (or nothing) where the id should be."""

    share: Share = 0.1
    count: int | None = None
    """The first so many, instead of a share drawn from the seed."""
    member: Literal["error", "errors", "none"] = "error"

    def refuse(self, call: Call, messages: int) -> frozenset[int]:
        """Pick the refused elements."""
        if self.count is not None:
            return frozenset(range(min(self.count, messages)))
        return frozenset(pick(call.chance, messages, self.share))

    def shape(self, call: Call, document: Document) -> Document:
        """Take the ids of refused elements away."""
        refused = call.accepted.refused if call.accepted else ()
        for position in refused:
            document["messages"][position].pop("messageId")
            if self.member == "error":
                document["messages"][position]["error"] = "Invalid destination"
            elif self.member == "errors":
                document["messages"][position]["errors"] = {"destination": ["Invalid destination"]}
        return document


class ShorterAnswer(Scenario):
    """All are accepted, but elements are missing from the answer."""

    missing: Positive = 1
    where: Literal["start", "middle", "end"] = "middle"

    def shape(self, call: Call, document: Document) -> Document:
        """Drop elements."""
        messages = document["messages"]
        start = {"start": 0, "middle": len(messages) // 2, "end": max(0, len(messages) - self.missing)}[self.where]
        del messages[start : start + self.missing]
        return document


class LongerAnswer(Scenario):
    """All are accepted, and the answer holds further elements with ids that were never issued."""

    surplus: Positive = 1

    def shape(self, call: Call, document: Document) -> Document:
        """Add elements."""
        last = document["messages"][-1]
        for number in range(self.surplus):
            document["messages"].append(last | {"messageId": last["messageId"][:22] + f"ZZ{number % 100:02d}"})
        return document


class ReorderedAnswer(Scenario):
    """All are accepted, the answer has the right length and another order."""

    how: Literal["reversed", "shuffled", "swapped"] = "shuffled"

    def shape(self, call: Call, document: Document) -> Document:
        """Change the order."""
        messages = document["messages"]
        if self.how == "reversed":
            messages.reverse()
        elif self.how == "shuffled":
            call.chance.shuffle(messages)
        else:
            messages[:2] = messages[:2][::-1]
        return document


class UntrustworthyIds(Scenario):
    """Ids that cannot be right: one twice, one known from before, null, empty or numeric."""

    kind: Literal["duplicate", "known", "null", "empty", "number"] = "duplicate"
    count: Positive = 1

    def shape(self, call: Call, document: Document) -> Document:
        """Replace the last `count` ids."""
        messages = document["messages"]
        wrong = {
            "duplicate": messages[0]["messageId"],
            "known": call.known_id(),
            "null": None,
            "empty": "",
            "number": 42,
        }[self.kind]
        for element in messages[-self.count :]:
            element["messageId"] = wrong
        return document


class MissingMembers(Scenario):
    """`messages` missing, `bulkId` missing, a bare `id` or `messageId` at top level, or `messages` null."""

    kind: Literal["no_messages", "no_bulk_id", "bare_id", "bare_message_id", "null_messages"] = "no_messages"

    def shape(self, call: Call, document: Document) -> Document:
        """Leave members out."""
        first = document["messages"][0].get("messageId")
        match self.kind:
            case "no_messages":
                document.pop("messages")
            case "no_bulk_id":
                document.pop("bulkId", None)
            case "bare_id":
                return {"id": first}
            case "bare_message_id":
                return {"messageId": first}
            case "null_messages":
                document["messages"] = None
        return document
