"""Whose request it is, in every spelling that proxies and liars use."""

from typing import Any

import pytest

from penstock.api.address import NO_PROXIES, PROXIES, Proxies, read_address

TRUSTED = Proxies.of(["10.0.0.0/8", "2001:db8:ffff::/48", "192.0.2.1"])
PROXY = ("10.0.0.1", 40000)
STRANGER = ("198.51.100.9", 40000)
XFF = "X-Forwarded-For"


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.7", "203.0.113.7"), ("203.0.113.7:4711", "203.0.113.7"), ("203.0.113.7:_port", "203.0.113.7"),
        ("2001:db8::7", "2001:db8::7"), ("[2001:db8::7]", "2001:db8::7"), ("[2001:db8::7]:443", "2001:db8::7"),
        ("fe80::1%eth0", "fe80::1"), ("[fe80::1%eth0]:1", "fe80::1"),
        ("::ffff:203.0.113.7", "203.0.113.7"), ("[::ffff:203.0.113.7]:9", "203.0.113.7"),
        ("2001:DB8:0:0:0:0:0:7", "2001:db8::7"),
        ("", None), ("unknown", None), ("_hidden", None), ("203.0.113", None), ("203.0.113.256", None), ("0203.0.113.7", None),
        ("[2001:db8::7", None), ("2001:db8::7]", None), ("203.0.113.7 ", None), ("example.org", None), ("1" * 5000, None),
    ],
)  # fmt: skip
def test_an_address_is_read_in_every_spelling(text: str, address: str | None) -> None:
    """With port, brackets and zone; and what is none is none."""
    found = read_address(text)
    assert (None if found is None else str(found)) == address


@pytest.mark.parametrize(
    ("peername", "party"),
    [
        (("192.0.2.7", 4711), "192.0.2.7"), (("::ffff:192.0.2.7", 4711, 0, 0), "192.0.2.7"),
        (("2001:db8:1:2:3::4", 4711, 0, 0), "2001:db8:1:2::/64"), (("fe80::1%eth0", 1, 0, 0), "fe80::/64"),
        ("", ""), (None, ""), ((), ""),
    ],
)  # fmt: skip
def test_connections_are_counted_by_whose_they_are(peername: object, party: str) -> None:
    """An address without its port; of IPv6 the /64."""
    assert NO_PROXIES.party_of_connection(peername) == party


def test_connections_of_proxies_are_everybodys() -> None:
    """Those of trusted proxies are counted together, of both kinds of addresses."""
    assert TRUSTED.party_of_connection(PROXY) == PROXIES
    assert TRUSTED.party_of_connection(("::ffff:10.0.0.1", 1, 0, 0)) == PROXIES
    assert TRUSTED.party_of_connection(("2001:db8:ffff::1", 1, 0, 0)) == PROXIES
    assert TRUSTED.party_of_connection(STRANGER) == "198.51.100.9"


@pytest.mark.parametrize(
    ("values", "party"),
    [
        (["203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7:1234"], "203.0.113.7"),
        (["1.2.3.4, 203.0.113.7"], "203.0.113.7"),
        (["1.2.3.4", "203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7, 10.1.1.1, 10.2.2.2"], "203.0.113.7"),
        (["203.0.113.7, 192.0.2.1"], "203.0.113.7"),
        ([" ,203.0.113.7 ,, "], "203.0.113.7"),
        (["1.2.3.4,203.0.113.7,garbage"], "10.0.0.1"),
        (["1.2.3.4, unknown, 10.2.2.2"], "10.2.2.2"),
        (["'; DROP TABLE", "203.0.113.7"], "203.0.113.7"),
        (["10.3.3.3, 10.2.2.2"], "10.3.3.3"),
        (["2001:db8:1:2:3:4:5:6"], "2001:db8:1:2::/64"),
        (["[2001:db8:1:2::1]:55"], "2001:db8:1:2::/64"),
        (["203.0.113.7, ::ffff:10.2.2.2"], "203.0.113.7"),
        (["\x00\xff"], "10.0.0.1"),
        ([""], "10.0.0.1"),
        ([], "10.0.0.1"),
        ([", ".join(["1.2.3.4"] + ["10.1.1.1"] * 1000)], "10.1.1.1"),
    ],
)  # fmt: skip
def test_the_caller_is_the_first_from_the_right_that_is_no_proxy(values: list[str], party: str) -> None:
    """Whatever a caller writes to the left of it counts for nothing, and what cannot be read ends the search."""
    assert TRUSTED.party_of_request(PROXY, {XFF: values}) == party


@pytest.mark.parametrize(
    ("values", "party"),
    [
        (["for=203.0.113.7"], "203.0.113.7"),
        (["For=203.0.113.7;proto=https;by=10.0.0.1"], "203.0.113.7"),
        (['proto=http; for="203.0.113.7:80"'], "203.0.113.7"),
        (['for="[2001:db8:1:2::1]:4711"'], "2001:db8:1:2::/64"),
        (['for="[2001:db8:1:2::1]"'], "2001:db8:1:2::/64"),
        (["for=1.2.3.4, for=203.0.113.7"], "203.0.113.7"),
        (["for=1.2.3.4", "for=203.0.113.7, for=10.1.1.1"], "203.0.113.7"),
        (['for=203.0.113.7;host="a,b;for=1.2.3.4"'], "203.0.113.7"),
        ([r'for=203.0.113.7;host="\",for=1.2.3.4"'], "203.0.113.7"),
        (["for=unknown"], "10.0.0.1"),
        (["for=1.2.3.4, for=_hidden"], "10.0.0.1"),
        (["for=1.2.3.4, proto=https"], "10.0.0.1"),
        (["for=203.0.113.7;for=1.2.3.4"], "10.0.0.1"),
        (['for="203.0.113.7'], "10.0.0.1"),
        (["203.0.113.7"], "10.0.0.1"),
        (["=;=,;,"], "10.0.0.1"),
    ],
)  # fmt: skip
def test_forwarded_is_read_as_its_standard_says(values: list[str], party: str) -> None:
    """Quoted or not, with other parameters, several in one header or in several."""
    assert TRUSTED.party_of_request(PROXY, {"Forwarded": values}) == party


@pytest.mark.parametrize(
    ("headers", "party"),
    [
        ({XFF: ["203.0.113.7"], "Forwarded": ["for=203.0.113.7"]}, "203.0.113.7"),
        ({XFF: ["203.0.113.7"], "Forwarded": ["for=1.2.3.4"]}, "10.0.0.1"),
        ({XFF: ["1.2.3.4"], "Forwarded": ["for=203.0.113.7"]}, "10.0.0.1"),
        ({XFF: [""], "Forwarded": ["for=203.0.113.7"]}, "203.0.113.7"),
    ],
)  # fmt: skip
def test_of_two_headers_that_disagree_neither_is_believed(headers: dict[str, list[str]], party: str) -> None:
    """A caller can add the one that the proxy does not write; that makes it the proxy's own, and never somebody else's."""
    assert TRUSTED.party_of_request(PROXY, headers) == party


@pytest.mark.parametrize("proxies", [TRUSTED, NO_PROXIES])
def test_strangers_are_not_believed(proxies: Proxies) -> None:
    """A header of whoever is not trusted is as if it were not there."""
    headers = {XFF: ["1.2.3.4"], "Forwarded": ["for=1.2.3.4"]}
    assert proxies.party_of_request(STRANGER, headers) == "198.51.100.9"
    assert NO_PROXIES.party_of_request(PROXY, headers) == "10.0.0.1"
    assert proxies.party_of_request(None, headers) == ""


@pytest.mark.parametrize("text", ["10.0.0.1/8", "10.0.0.0/33", "proxy"])
def test_what_is_no_network_is_refused(text: Any) -> None:
    """A slip does not become a wider trust than was meant."""
    with pytest.raises(ValueError, match=r"network|address|bits"):
        Proxies.of([text])
