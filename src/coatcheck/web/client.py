"""Who is at the other end: a client's address, also from behind proxies, and what it calls itself."""

import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Any

from fastapi.requests import HTTPConnection

LOGGER = logging.getLogger("coatcheck")
LONGEST_USER_AGENT = 512
# A stranger may send a header of a megabyte, and reading each address in it would stop the process for seconds.
MOST_HOPS = 32
LONGEST_HOP = 80  # characters: an IPv6 address that ends in an IPv4 one, a way out of this machine, a port
# In the scope: the peer as the server saw it, from a server that rewrites nothing.
PEER = "coatcheck.peer"
CONTROL_CHARACTERS = re.compile(r"[\x00-\x1f\x7f-\x9f]")
# Some balancers add the port from which the client came; an IPv6 address is then in brackets (RFC 3986).
HOP = re.compile(r"\[(?P<six>[^]]+)](?::(?P<port6>[0-9]{1,5}))?|(?P<four>[0-9.]+):(?P<port4>[0-9]{1,5})|(?P<bare>.+)")
UNDECLARED = (
    "X-Forwarded-For or its like came from %s and was not believed. If that is your own proxy, name it in "
    "COATCHECK_TRUSTED_PROXIES; until then its address stands for everybody behind it."
)
NAMELESS = (
    "X-Forwarded-For or its like came from a socket without an address and was not believed: such a one cannot be "
    "named in COATCHECK_TRUSTED_PROXIES. Let the proxy call an address; until then nobody's address is known."
)
REPLACED = (
    "The server has replaced the address of a client by what X-Forwarded-For says, so nobody knows it here. "
    "Start uvicorn with --no-proxy-headers, and name the proxy in COATCHECK_TRUSTED_PROXIES."
)

Address = IPv4Address | IPv6Address
Hop = tuple[Address | None, int | None]


@dataclass(frozen=True, slots=True)
class Client:
    """Where a request came from, and what sent it.

    address: None where nobody knows it: all of those are to be taken for one stranger, never for none.
    user_agent: as sent, without control characters, cut at 512; to be shown, never compared. shared: the address
    seems to be that of a proxy that nobody has named, so it may stand for everybody behind it.
    """

    address: Address | None
    user_agent: str
    shared: bool = False


class Proxies:
    """The proxies whose word is taken for where a request came from.

    trusted: addresses and networks. X-Forwarded-For is read from the right, where each proxy adds whom
    it was called by; the first that is not trusted is the client, and what stands left of it is only
    what that client says. No more than 32 are read. `Forwarded` (RFC 7239) is not.
    """

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self._trusted = [ip_network(one) for one in trusted]
        self._said: set[str] = set()

    def client(self, connection: HTTPConnection) -> Client:
        """Who sends this request. What is malformed ends the way to the client at the last good hop."""
        user_agent = ""
        lines: list[bytes] = []
        proxied = False
        for name, value in connection.scope["headers"]:
            if name == b"user-agent":
                user_agent = user_agent or value.decode("latin-1")
            elif name == b"x-forwarded-for":  # a list that may be in several lines (RFC 9110 section 5.3)
                lines.append(value)
                proxied = True
            elif name == b"forwarded" or name.startswith(b"x-forwarded-"):
                proxied = True
        user_agent = CONTROL_CHARACTERS.sub("", user_agent)[:LONGEST_USER_AGENT]
        address, shared = self._address(connection.scope, lines, proxied=proxied)
        return Client(address, user_agent, shared)

    def _address(self, scope: Any, lines: list[bytes], *, proxied: bool) -> tuple[Address | None, bool]:
        """The client's, and whether it may be a proxy's that nobody has named."""
        peer = scope.get("client")
        address, port = _hop(f"[{peer[0]}]:{peer[1]}") if peer else (None, None)
        if address is not None and self._replaced(scope, (address, port), lines):
            self._warn(REPLACED)
            return None, True
        if address is None or not self._trusts(address):
            if proxied:
                self._warn(UNDECLARED if address else NAMELESS, *filter(None, [address]))
            return address, proxied
        for hop, _ in map(_hop, _from_the_right(lines)):
            if hop is None:
                break
            address = hop
            if not self._trusts(hop):
                break
        return address, False

    def _replaced(self, scope: Any, peer: Hop, lines: list[bytes]) -> bool:
        """Whether the server has put in the peer's place what the header says, whoever wrote it.

        uvicorn's own reading, which believes loopback, leaves the port 0, or the one in the header. From the
        right it takes the first that it does not trust itself, else the leftmost: here the first, the first
        that is not trusted, and the leftmost are compared. With all of them, a client behind a proxy could
        list the ports that the proxy may come from, and be nobody.
        """
        if PEER in scope:
            return bool(scope[PEER] != scope["client"])
        if peer[1] == 0:
            return True
        if not lines:
            return False
        hops = list(map(_hop, _from_the_right(lines)))
        untrusted = next((hop for hop in hops if hop[0] is None or not self._trusts(hop[0])), hops[-1])
        return peer in {hops[0], untrusted, _hop(lines[0].partition(b",")[0].decode("latin-1"))}

    def _trusts(self, address: Address) -> bool:
        return any(address in network for network in self._trusted)

    def _warn(self, sentence: str, *values: object) -> None:
        """Once in a process: it would come with every request."""
        if sentence not in self._said:
            self._said.add(sentence)
            LOGGER.warning(sentence, *values)


def _from_the_right(lines: list[bytes]) -> Iterator[str]:
    """The last hops of the list, the last one first."""
    left = MOST_HOPS
    for line in reversed(lines):
        for hop in reversed(line.rsplit(b",", left)[-left:]):
            yield hop.decode("latin-1")
            left -= 1
        if left == 0:
            return


def _hop(text: str) -> Hop:
    """An address and its port, where there is one; (None, None) for anything else."""
    text = text.strip(" \t")
    match = HOP.fullmatch(text) if len(text) <= LONGEST_HOP else None
    if match is None:
        return None, None
    name = match["six"] or match["four"] or match["bare"]
    port = match["port6"] or match["port4"]
    try:
        # What follows a % is the way out of this machine (RFC 4007), not a part of whose address it is.
        address = ip_address(name.partition("%")[0])
    except ValueError:
        return None, None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address, None if port is None else int(port)
