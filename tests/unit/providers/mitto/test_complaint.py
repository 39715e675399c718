"""Which refusals speak of the traffic account."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.providers.mitto.complaint import names_account

ACCOUNT = "0b6f2c9e-5a41-4d0e-9a8b-1f2e3d4c5b6a"


@pytest.mark.parametrize(
    "body",
    [
        b'{"title":"x","errors":{"trafficAccountId":["not available"]}}',
        b'{"errors":{"$.messages[0].TrafficAccountId":["no"]}}',
        b'{"message":"Unknown traffic account"}',
        b'{"error":{"code":4,"detail":"traffic_account disabled"}}',
        b'{"errors":["Account 0B6F2C9E-5A41-4D0E-9A8B-1F2E3D4C5B6A is closed"]}',
        b"trafficAccountId is not valid",
    ],
)
def test_named(body: bytes) -> None:
    """By its name or its id, in whatever form."""
    assert names_account(body, ACCOUNT)


@pytest.mark.parametrize(
    "body",
    [
        b'{"errors":{"messages[0].destination":["not a number"]}}',
        b'{"errors":{"messages":["too many"]},"request":{"messages":[{"trafficAccountId":"0b6f2c9e"}]}}',
        b'{"message":"Invalid sender"}', b"", b"{}", b"[]", b"<html>400</html>", b"\xff\xfe", b"null",
    ],
)  # fmt: skip
def test_not_named(body: bytes) -> None:
    """Another complaint, or one that only repeats the request."""
    assert not names_account(body, ACCOUNT)


@given(body=st.binary(max_size=200), account=st.text(max_size=40))
def test_any_bytes(body: bytes, account: str) -> None:
    """Nothing raises; a deep document neither."""
    names_account(body, account)
    names_account(b"[" * 50_000, account)
