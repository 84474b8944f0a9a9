"""Which network a request comes from: what whoever is there can change its address within counts as one.

IPv4 by address. IPv6 by /64, which is what one customer has at least, and by /48, which is what one can have at
most, with a larger budget. Nobody's address is known: all of those are one network, never an unlimited one.
"""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network

from coatcheck.throttle.limits import SHARED_TIMES
from coatcheck.web import Client

NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052: an IPv4 address behind a translator, in the last 32 bits
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Network:
    """A network, as text, and how many times a budget is its."""

    name: str
    times: int = 1


def networks_of(client: Client) -> tuple[Network, ...]:
    """The networks of a client, the smallest first: that one is where its owner is at home."""
    times = SHARED_TIMES if client.shared else 1
    address = client.address
    if isinstance(address, IPv6Address) and address in NAT64:
        address = IPv4Address(int(address) & 0xFFFF_FFFF)
    if address is None:
        return (Network(UNKNOWN, times),)
    if isinstance(address, IPv4Address):
        return (Network(str(address), times),)
    return (
        Network(str(IPv6Network((address, 64), strict=False)), times),
        Network(str(IPv6Network((address, 48), strict=False)), SHARED_TIMES * times),
    )
