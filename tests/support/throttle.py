"""A throttle whose key is in no database, and who comes."""

from collections.abc import Callable
from ipaddress import ip_address

from coatcheck.database import Database
from coatcheck.throttle import Throttle
from coatcheck.web import Client
from tests.support.keys import HeldKeys


def throttle_of(
    database: Database, clock: Callable[[], float], keys: HeldKeys | None = None, *, on: bool = True
) -> Throttle:
    """The guessing limits of one process; several share a database and the key."""
    return Throttle(database, newest_key=(keys or HeldKeys()).newest, clock=clock, on=on)


def client_at(address: str | None = "203.0.113.7", *, shared: bool = False) -> Client:
    """Somebody who comes from there."""
    return Client(None if address is None else ip_address(address), "tests", shared)
