"""Whose request it is, by address: the peer's, or the one that a trusted proxy in front of us speaks for. Pure.

A header counts only where the peer is trusted, and then from the right: every proxy puts the address it saw behind what it was
sent, so what stands left of the first address that is not a trusted proxy's may be anyone's invention. That address is the
caller. `X-Forwarded-For` and `Forwarded` (RFC 7239) are both read; a proxy keeps only one of them and hands on the other as it
came, so where they name different callers neither is believed, and the request is the proxy's own.
"""

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final, Self

from msgspec import Struct

Address = IPv4Address | IPv6Address
Party = str
"""Whose connections and requests are counted together."""

PROXIES: Final[Party] = "proxies"
"""All connections of trusted proxies: they are everybody's."""

MOST_HOPS: Final = 32
_IPV6_SITE_BITS: Final = 64
_PAIR: Final = re.compile(r'\s*([\w!#$%&\'*+.^`|~-]+)=(?:"((?:[^"\\]|\\.)*)"|([^",;\s]*))\s*')
_BRACKETED: Final = re.compile(r"\[([0-9A-Fa-f:.%\w-]+)\](?::\w+)?")
_WITH_PORT: Final = re.compile(r"([0-9.]+):\w+")


class Proxies(Struct, frozen=True):
    """The networks whose word on where a request comes from is taken."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def of(cls, texts: Sequence[str]) -> Self:
        """These networks or single addresses. Raises ValueError for what is neither."""
        return cls(tuple(ipaddress.ip_network(text) for text in texts))

    def has(self, address: Address) -> bool:
        """Whether it is one of theirs."""
        return any(address in network for network in self.networks)

    def party_of_connection(self, peername: object) -> Party:
        """Whose connection this is."""
        peer = read_peer(peername)
        return PROXIES if peer is not None and self.has(peer) else name_party(peer)

    def party_of_request(self, peername: object, headers: Mapping[str, Sequence[str]]) -> Party:
        """Whose request this is; `headers` are the values of X-Forwarded-For and Forwarded, by name."""
        peer = read_peer(peername)
        if peer is None or not self.has(peer):
            return name_party(peer)
        chains = [chain for name, read in _HEADERS.items() if (chain := list(read(headers.get(name, ()))))]
        callers = {self._caller(peer, chain) for chain in chains}
        return name_party(callers.pop() if len(callers) == 1 else peer)

    def _caller(self, peer: Address, hops: Sequence[str]) -> Address:
        """The first from the right that is no proxy; where a hop cannot be read, whoever wrote it."""
        caller = peer
        for text in list(reversed(hops))[:MOST_HOPS]:
            hop = read_address(text)
            if hop is None:
                return caller
            caller = hop
            if not self.has(hop):
                return caller
        return caller


NO_PROXIES: Final = Proxies()


def _x_forwarded_for(values: Sequence[str]) -> Iterator[str]:
    """Every hop in order. Several headers are one list, and empty elements are none."""
    return (part.strip() for value in values for part in value.split(",") if part.strip())


def _forwarded(values: Sequence[str]) -> Iterator[str]:
    """The same of RFC 7239; an element that does not say `for`, or is not well-formed, is a hop that cannot be read."""
    for value in values:
        for element in _split_elements(value):
            if element.strip():
                yield _for_of(element)


def _split_elements(value: str) -> Iterator[str]:
    """At commas outside quotes."""
    yield from (part[0] for part in re.finditer(r'(?:"(?:[^"\\]|\\.)*"|[^,"]|")+', value))


def _for_of(element: str) -> str:
    pairs = [_PAIR.fullmatch(part) for part in re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^;"]|")+', element)]
    if not all(pairs):
        return ""
    named = [pair[2] if pair[2] is not None else pair[3] for pair in pairs if pair is not None and pair[1].lower() == "for"]
    return named[0] if len(named) == 1 else ""


_HEADERS: Final = {"X-Forwarded-For": _x_forwarded_for, "Forwarded": _forwarded}
HEADERS: Final = tuple(_HEADERS)


def read_address(text: str) -> Address | None:
    """An address with or without brackets, port and zone; an IPv4 address in IPv6's clothes is one of IPv4."""
    if (bracketed := _BRACKETED.fullmatch(text)) is not None:
        text = bracketed[1]
    elif (with_port := _WITH_PORT.fullmatch(text)) is not None:
        text = with_port[1]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def read_peer(peername: object) -> Address | None:
    """The address at the other end of a connection, None where it has none."""
    return read_address(str(peername[0])) if isinstance(peername, tuple) and peername else None


def name_party(address: Address | None) -> Party:
    """The address; of IPv6 the /64, because whoever has one of its addresses has all of them."""
    if address is None:
        return ""
    if isinstance(address, IPv4Address):
        return str(address)
    return str(ipaddress.ip_network((address, _IPV6_SITE_BITS), strict=False))
