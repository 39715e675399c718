"""Fingerprints of requests beside the best that Python has for the same answer, and beside the nearest quick one.

`orjson, sorted` is not the same answer: it reads 1.0 and 1e0 alike, takes the last of two equal keys and any depth up to
its own. `sha256` is the hash alone, over the body as it is: no fingerprint can be quicker.
"""

import hashlib
import json
import random
import re
from typing import Any

import orjson

from bench.harness import Case
from penstock._core import fingerprint
from tests.reference import canonical as reference

REQUEST = ("POST", "/v1/campaigns/{id}/recipients", "application/json")
MAX_DEPTH = 64
# With none of these in the body, UTF-8 sorts as UTF-16 does.
MAY_SORT_OTHERWISE = re.compile(rb"[\xee-\xf4]|\\u")


def cases() -> list[Case]:
    """Small and large bodies, as programs write them: without white space, and with Python's."""
    found = []
    for label, size in (("1 kB", 1_000), ("100 kB", 100_000)):
        compact = orjson.dumps(_request(size))
        spaced = json.dumps(json.loads(compact)).encode()
        found += [
            _json_case(f"fingerprint of {label}, compact", compact),
            _json_case(f"fingerprint of {label}, spaced", spaced),
        ]
    raw, tower = b"+4915100000001\n" * 6_667, _tower(1_000_000)
    ways = {"core": lambda: fingerprint("POST", "/", "text/csv", raw), "sha256": lambda: hashlib.sha256(raw).digest()}
    found.append(Case(name="fingerprint of 100 kB, raw", ways=ways, size=len(raw), at_least={"sha256": 0.8}))
    worst = {"core": lambda: fingerprint(*REQUEST, tower)}
    found.append(Case(name="63 objects around 1 MB, none in order", ways=worst, size=len(tower), at_most_ms=20))
    return found


def _json_case(name: str, body: bytes) -> Case:
    ways = {
        "core": lambda: fingerprint(*REQUEST, body),
        "reference": lambda: reference.fingerprint(*REQUEST, body),
        "best Python": lambda: best_python(*REQUEST, body),
        "orjson, sorted": lambda: hashlib.sha256(orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS)).digest(),
        "sha256": lambda: hashlib.sha256(body).digest(),
    }
    assert ways["core"]() == ways["reference"]() == ways["best Python"]()
    return Case(name=name, ways=ways, size=len(body), at_least={"best Python": 5, "orjson, sorted": 1.5})


def best_python(method: str, path: str, content_type: str, body: bytes) -> bytes:
    """The same answer with json's C scanner and orjson's writer; numbers go through as fragments of text."""
    essence = content_type.partition(";")[0].encode().strip(b" \t\n\r\f").lower()
    if essence == b"application/json" or essence.endswith(b"+json"):
        body = _canonical(body)
    hashed = hashlib.sha256(b"penstock request fingerprint 1\n")
    for part in (method.encode().upper(), path.encode(), essence, body):
        hashed.update(len(part).to_bytes(8, "big"))
        hashed.update(part)
    return hashed.digest()


def _canonical(body: bytes) -> bytes:
    hook, option = (_by_units, None) if MAY_SORT_OTHERWISE.search(body) else (_distinct, orjson.OPT_SORT_KEYS)
    number = orjson.Fragment
    value = json.loads(body.decode(), parse_int=number, parse_float=number, parse_constant=_refuse, object_pairs_hook=hook)
    _check_depth([value])
    return orjson.dumps(value, option=option)


def _check_depth(values: list[Any]) -> None:
    """Level by level, without a call for each value."""
    for _ in range(MAX_DEPTH + 1):
        holders = [value for value in values if type(value) in (dict, list)]
        if not holders:
            return
        values = [inner for holder in holders for inner in (holder.values() if type(holder) is dict else holder)]
    raise ValueError("nested too deep")


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a key stands twice")
    return members


def _by_units(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return _distinct(sorted(pairs, key=lambda pair: pair[0].encode("utf-16-be")))


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def _request(size: int) -> dict[str, Any]:
    """A campaign's head and as many recipients as fill `size` bytes."""
    source = random.Random(1)  # noqa: S311 - the same body in every run
    head = {
        "name": "Spring offers",
        "text": "Hi {name}, your order arrives between 10 and 12. Reply STOP to opt out.",
        "from": "Example",
        "send_at": "2025-05-01T10:00:00Z",
        "max_parts": 3,
    }
    recipients: list[dict[str, Any]] = []
    left = size - len(orjson.dumps(head))
    while left > 0:
        number = len(recipients)
        name = source.choice(["Anna", "Jörg", "Ελένη", "Wilhelmina"])
        one = {
            "to": f"+1650555{100 + number % 100:04}",
            "name": name,
            "order": number,
            "total": 19.9 + number,
            "tags": ["a", "b"],
        }
        left -= len(orjson.dumps(one)) + 1
        recipients.append(one)
    return {**head, "recipients": recipients}


def _tower(size: int) -> bytes:
    return b'{"b":' * 63 + b'"' + b"x" * size + b'"' + b',"a":1}' * 63
