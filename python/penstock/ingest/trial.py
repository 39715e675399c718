"""A campaign's text for one recipient of the caller's choice, exactly as an upload would make it. Not for sending it."""

from collections.abc import Mapping
from typing import Final

import msgspec
from msgspec import Struct

from penstock import _core
from penstock.domain.errors import InvalidValueError
from penstock.store.campaigns import Campaign

_NUMBER_KEY: Final = "+"
_WRONG_NUMBERS: Final = frozenset({"invalid_number", "malformed"})


class Trial(Struct, frozen=True):
    """One message, ready to be sent."""

    msisdn: int
    text: str
    segments: int


def render_trial(campaign: Campaign, to: str, values: Mapping[str, str]) -> Trial:
    """Read number and values as a row of an upload is read. Raises InvalidValueError that names the field at fault.

    The campaign's list of countries does not bind: whoever tries a text may be elsewhere.
    """
    template = _core.Template(campaign.text)
    _check_names(template, values)
    parser = _core.RecipientParser(
        "ndjson", template, traffic_account_id=campaign.account_id, sender=campaign.sender, region=campaign.default_region,
        phone_column=_NUMBER_KEY, max_parts=campaign.max_parts,
    )  # fmt: skip
    chunks = parser.feed(msgspec.json.encode({_NUMBER_KEY: to, **values}) + b"\n") + parser.finish()
    for chunk in chunks:
        for _, reason, detail in chunk.problems(1):
            raise _refusal(reason, detail)
        if chunk.messages:
            return _trial(chunk, template)
    raise _refusal("malformed", "")


def _check_names(template: _core.Template, values: Mapping[str, str]) -> None:
    for name in values:
        if name.strip().lower() not in template.names:
            raise InvalidValueError("The text has no placeholder of this name.", pointer=f"/values/{name}")


def _trial(chunk: _core.Chunk, template: _core.Template) -> Trial:
    row = msgspec.json.decode(_core.payload_rows(chunk.payload, template, [0], _NUMBER_KEY), type=dict[str, str])
    return Trial(int(row[_NUMBER_KEY]), template.render([row[name] for name in template.names]), chunk.segments)


def _refusal(reason: str, detail: str) -> InvalidValueError:
    if reason in _WRONG_NUMBERS:
        return InvalidValueError("This is not a number that can be written to.", pointer="/to")
    if reason == "missing_value":
        return InvalidValueError("The text needs a value for this placeholder.", pointer=f"/values/{detail}")
    return InvalidValueError("With these values the text takes more parts than the campaign allows.", pointer="/values")
