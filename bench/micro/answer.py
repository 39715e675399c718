"""The provider's answer to a bulk send: from its bytes to Python lists of ids, or the reason why they cannot be trusted."""

import json
from collections.abc import Callable
from random import Random

import orjson

from bench.harness import Case
from penstock import _core
from tests.reference import bulk_answer as reference

MESSAGES = 5_000
ACCOUNT = "0b6f2c9e-5a41-4d0e-9a8b-1f2e3d4c5b6a"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def cases() -> list[Case]:
    """Answers that account for every position: as the provider sends them, and with elements that are not alike.

    Each is measured with the lists that the caller needs; the first also without.
    """
    alike = _body()
    unlike = _body(lambda index: {"createdAt": f"2026-01-05T10:00:00.{index:07d}Z"})
    parse_only = _ways(alike) | {"core": lambda: _core.read_bulk_answer(alike, MESSAGES)}
    return [
        _case("bulk answer of 5,000, with its lists", _ways(alike), alike, 2.0),
        _case("bulk answer of 5,000, parsed", parse_only, alike, 2.0),
        _case("bulk answer of 5,000 unlike elements, with its lists", _ways(unlike), unlike, 1.0),
    ]


def _case(name: str, ways: dict[str, Callable[[], object]], body: bytes, at_least: float) -> Case:
    return Case(name=name, ways=ways, items=MESSAGES, unit="ids", size=len(body), at_least={"best Python": at_least})


def _ways(body: bytes) -> dict[str, Callable[[], object]]:
    assert _core.read_bulk_answer(body, MESSAGES).ids == _best_python(body, MESSAGES)
    return {
        "core": lambda: _with_lists(body),
        "reference": lambda: reference.read_bulk_answer(body, MESSAGES),
        "best Python": lambda: _best_python(body, MESSAGES),
    }


def _body(more: Callable[[int], dict[str, str]] = lambda _: {}) -> bytes:
    random = Random(7)  # noqa: S311 - the same bytes each time
    ids = ["01KC" + "".join(random.choices(CROCKFORD, k=22)) for _ in range(MESSAGES)]
    messages = [{"trafficAccountId": ACCOUNT, **more(index), "messageId": one} for index, one in enumerate(ids)]
    return json.dumps({"bulkId": ACCOUNT, "messages": messages}, separators=(",", ":")).encode()


def _with_lists(body: bytes) -> object:
    """What the product asks of an answer: see `penstock.providers.mitto.wire`."""
    answer = _core.read_bulk_answer(body, MESSAGES)
    return answer.reason, answer.positions, answer.ids, answer.refused


def _best_python(body: bytes, expected: int) -> list[str] | None:
    """The same checks, each as one pass in C over all ids; an answer that fails one is looked at again, item by item."""
    try:
        messages = orjson.loads(body)["messages"]
        ids = [message["messageId"] for message in messages]
        sound = (
            len(ids) == expected
            and set(map(type, ids)) == {str}
            and all(ids)
            and max(map(len, ids)) <= 200
            and "\0" not in "".join(ids)
            and len(set(ids)) == expected
        )
    except (ValueError, TypeError, KeyError):
        return None
    return ids if sound else None
