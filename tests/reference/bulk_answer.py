"""The provider's bulk answer, read with the json module."""

from typing import NamedTuple

from tests.reference.loose import error_text, is_id, load


class BulkAnswer(NamedTuple):
    """What the core answers."""

    reason: str | None
    bulk_id: str | None
    positions: list[int]
    ids: list[str]
    refused: list[tuple[int, str]]


def read_bulk_answer(body: bytes, expected: int) -> BulkAnswer:
    """Item by item, or why not."""
    try:
        answer = load(body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        return BulkAnswer("not_json", None, [], [], [])
    bulk_id = _id(answer, "bulkId")
    messages = answer.get("messages")
    if not isinstance(messages, list):
        return BulkAnswer("no_messages", bulk_id, [], [], [])
    items = [item if isinstance(item, dict) else {} for item in messages[:expected]]
    ids = {position: found for position, item in enumerate(items) if (found := _id(item, "messageId"))}
    errors = {position: _error(item) for position, item in enumerate(items) if position not in ids}
    reason = None
    if len(messages) != expected:
        reason = "length"
    elif None in errors.values():
        reason = "missing_id"
    elif len(set(ids.values())) != len(ids):
        reason = "repeated_id"
    refused = [(position, text) for position, text in errors.items() if text is not None]
    return BulkAnswer(reason, bulk_id, list(ids), list(ids.values()), refused)


def _id(item: dict[str, object], name: str) -> str | None:
    value = item.get(name)
    return str(value) if type(value) is str and is_id(value) else None


def _error(item: dict[str, object]) -> str | None:
    texts = [error_text(item[name]) for name in ("error", "errors") if name in item]
    return next((text for text in texts if text is not None), None)
