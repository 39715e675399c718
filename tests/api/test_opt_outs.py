"""Opt-outs over HTTP: numbers in bodies only."""

import base64
from urllib.parse import parse_qs, urlsplit

from tests.api.conftest import Api


def numbers(n: int) -> list[str]:
    """Synthetic numbers, in order."""
    return [f"+49151{i:08d}" for i in range(n)]


async def test_numbers_are_added_once_and_removed_once(api: Api) -> None:
    """Answers say how many numbers were new, and how many were there to remove."""
    given = {"numbers": [*numbers(3), numbers(1)[0]]}
    assert (await api.call("POST", "/v1/opt-outs", json=given)).json == {"added": 3, "known": 0}
    assert (await api.call("POST", "/v1/opt-outs", json={"numbers": numbers(4)})).json == {"added": 1, "known": 3}
    assert (await api.call("DELETE", "/v1/opt-outs", json={"numbers": numbers(5)})).json == {"removed": 4, "unknown": 1}
    assert (await api.call("GET", "/v1/opt-outs")).json == {"items": [], "next": None}


async def test_list_pages_without_a_number_in_any_address(api: Api) -> None:
    """Cursors are sealed: no address carries a number, not even encoded."""
    await api.call("POST", "/v1/opt-outs", json={"numbers": numbers(5)})
    seen: list[str] = []
    path: str | None = "/v1/opt-outs?limit=2"
    while path:
        page = (await api.call("GET", path)).json
        seen += [item["number"] for item in page["items"]]
        path = page["next"]
        if path:
            cursor = base64.urlsafe_b64decode(parse_qs(urlsplit(path).query)["after"][0] + "==")
            last = int(seen[-1][1:])
            assert str(last).encode() not in cursor
            assert last.to_bytes(8, "big") not in cursor
    assert seen == numbers(5)
