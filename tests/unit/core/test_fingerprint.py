"""Fingerprints of requests against the vectors and the reference."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock._core import FormatError, fingerprint
from tests.reference import canonical as reference
from tests.unit.core.vectors import cases

PATH = "/v1/campaigns"
texts = st.text(st.characters(codec="utf-8"), max_size=6)
types = st.one_of(
    texts,
    st.sampled_from(["application/json", "APPLICATION/Json ; charset=utf-8", "application/x+JSON", "text/json", "+json;"]),
)
bodies = st.one_of(st.binary(max_size=8), st.sampled_from([b"{}", b" {}", b'{"b":1,"a":[2]}', b"[1.0]", b'{"a":1,"a":1}']))


@pytest.mark.parametrize("case", cases("fingerprint"), ids=lambda case: case["name"])
def test_vectors(case: dict[str, Any]) -> None:
    """The bytes of a fingerprint are fixed: they are stored, and compared with those of later releases."""
    request = (case["method"], case["path"], case["content_type"], case["body"].encode())
    if case["sha256"] is None:
        with pytest.raises(FormatError):
            fingerprint(*request)
    else:
        assert fingerprint(*request).hex() == case["sha256"]


@given(st.text("abcZßé", max_size=4), texts, types, bodies)
def test_reference(method: str, path: str, content_type: str, body: bytes) -> None:
    """The core gives the reference's bytes, and refuses what it refuses."""
    try:
        expected = reference.fingerprint(method, path, content_type, body)
    except ValueError:
        with pytest.raises(FormatError):
            fingerprint(method, path, content_type, body)
    else:
        assert fingerprint(method, path, content_type, body) == expected


@given(st.tuples(texts, texts, texts, texts), st.tuples(texts, texts, texts, texts))
def test_parts_do_not_run_together(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    """Bytes that move from one part to the next make another request."""
    prints = [fingerprint(method, path, kind, body.encode()) for method, path, kind, body in (one, other)]
    said = [
        (method.encode().upper(), path, kind.split(";")[0].encode().strip().lower(), body)
        for method, path, kind, body in (one, other)
    ]
    assert (prints[0] == prints[1]) == (said[0] == said[1])


def test_what_counts() -> None:
    """Case and parameters do not count, everything else does, each part on its own."""
    body = b'{"a":1}'
    one = fingerprint("POST", PATH, "application/json", body)
    assert one == fingerprint("post", PATH, "Application/JSON; charset=utf-8", b' { "a" : 1 } ')
    others = [
        fingerprint("PUT", PATH, "application/json", body),
        fingerprint("POST", PATH + "/", "application/json", body),
        fingerprint("POST", PATH, "application/x+json", body),
        fingerprint("POST", PATH, "text/json", body),
        fingerprint("POST", PATH, "application/json", b'{"a":1.0}'),
        fingerprint("POST", PATH + "application/json", "", body),
        fingerprint("POST" + PATH, "", "application/json", body),
        fingerprint("POST", PATH, "", b"application/json" + body),
    ]
    assert len({one, *others}) == 1 + len(others)
    assert {len(value) for value in (one, *others)} == {32}


def test_large_bodies() -> None:
    """A body over the size at which the interpreter lock is released gives the same as one below it would."""
    members = b",".join(b'"%06d": [1, "x"]' % i for i in range(20_000, 0, -1))
    body = b"{" + members + b"}"
    assert fingerprint("POST", PATH, "application/json", body) == reference.fingerprint("POST", PATH, "application/json", body)
