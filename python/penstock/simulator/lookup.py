"""The full message object that a look-up by id shows, and how its status moves with time.

`Pending` at first, `Sent` from half-way, the final state when it is due; all three follow from the request's entry.
"""

import uuid

from penstock.simulator.accepted import Accepted, AcceptedRequests, Slice
from penstock.simulator.moment import render_moment
from penstock.simulator.reports import ReportSchedule, describe
from penstock.simulator.scenarios.base import Document
from penstock.simulator.segments import count_segments
from penstock.simulator.settings import SimulatorSettings

_NAMESPACE = uuid.UUID("0b6f2c9e-5a41-4d0e-9a8b-000000000000")


def status_at(accepted: Accepted, span: Slice, final: str, at: float) -> tuple[str, float]:
    """Return the status at an instant and since when it holds."""
    half = (accepted.at + span.due) / 2
    if at >= span.due:
        return final, span.due
    return ("Sent", half) if at >= half else ("Pending", accepted.at)


class Lookup:
    """Answers GET by id."""

    def __init__(self, requests: AcceptedRequests, schedule: ReportSchedule, settings: SimulatorSettings) -> None:
        self._requests = requests
        self._schedule = schedule
        self._early_404_s = settings.early_404_s
        self._with_reference = settings.references == "shown"

    def find(self, message_id: str, at: float) -> Document | None:
        """Return the message, or None if it is unknown or too young to be shown."""
        found = self._requests.find(message_id)
        if found is None or at < found[0].at + self._early_404_s:
            return None
        accepted, position = found
        final = accepted.decide(self._schedule.fate).at(position)
        status, since = status_at(accepted, accepted.slice_of(position), final, at)
        state = {
            "createdAt": render_moment(accepted.at),
            "updatedAt": render_moment(since),
            "deliveryStatus": status,
            "description": describe(accepted, status),
        }
        return {"messageId": message_id, **self._contents(accepted, position), **state}

    def _contents(self, accepted: Accepted, position: int) -> Document:
        message = self._requests.message(accepted, position)
        text = message.sms.text
        parts = count_segments(text, text.encode())
        account = message.traffic_account_id
        recipient = {"id": _guid(message.destination), "name": None, "messagingAppIdentifier": message.destination}
        return {
            "text": text,
            "mediaUrl": None,
            "sender": {"id": _guid(account), "name": "Simulated account", "messagingAppIdentifier": message.sms.sender},
            "conversation": {"id": _guid(account + message.destination), "participants": [recipient]},
            "trafficAccountId": account,
            "quotedMessageId": None,
            "messageParts": parts if parts > 1 else None,
            "requestInfo": {"sms": {"sender": message.sms.sender, "text": text}},
            "reference": message.reference if self._with_reference else None,
        }


def _guid(name: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, name))
