"""Who may call: where a request may arrive, and under which name."""

import re
from collections.abc import Callable, Iterable
from ipaddress import IPv6Address, ip_address
from typing import Any, TypeVar
from urllib.parse import urlsplit

from fastapi.requests import HTTPConnection

from coatcheck.problems import Problem

NAME_WITHOUT_DOT = re.compile(r"[A-Za-z0-9_-]{1,63}")
HOST = re.compile(r"(?:\[([^]]+)]|([^][:]+))(?::[0-9]*)?")  # RFC 9110 section 7.2
DEFAULT_PORTS = {"http": "80", "https": "443"}
DECISIONS_REMEMBERED = 1_000
ADMITTED = "coatcheck.admitted"


ANY_HOST = "__coatcheck_any_host__"
Endpoint = TypeVar("Endpoint", bound=Callable[..., Any])


def any_host(endpoint: Endpoint) -> Endpoint:
    """Mark an endpoint that load balancers and other services call by address."""
    setattr(endpoint, ANY_HOST, endpoint)
    return endpoint


def is_for_any_host(endpoint: Callable[..., Any]) -> bool:
    """Whether this very endpoint is marked; a copied attribute does not count."""
    return getattr(endpoint, ANY_HOST, None) is endpoint


class Misdirected(Problem):
    """The request came in a way that this server does not answer (RFC 9110 section 15.5.20)."""

    status = 421
    title = "Not answered here"
    name = "misdirected"
    detail = "This server does not answer under this name. Use the address of COATCHECK_ISSUER."


class NotLocal(Misdirected):
    """`local` answers this machine only."""

    name = "not-local"
    detail = (
        "This server runs for this machine only. To be reached from elsewhere, or through a proxy, "
        "set COATCHECK_ENVIRONMENT=production and what it asks for."
    )


class Site:
    """The addresses and names under which one application answers.

    local: only what arrived on a loopback address under a local name and through no proxy; anything
    else may be a page of another site in the visitor's browser (DNS rebinding) or the open network.
    production: only the issuer's name and those of the allowed origins.
    """

    def __init__(self, *, local: bool, issuer: str, allowed_origins: Iterable[str] = ()) -> None:
        self.local = local
        self._origin = _as_browsers_send_it(issuer)
        self._names = {name for origin in (issuer, *allowed_origins) for name in _names(origin)}
        self._decided: dict[tuple[str, str], bool] = {}

    def admit(self, connection: HTTPConnection, *, any_host: bool = False) -> None:
        """Let the request pass; in production under any name, if `any_host`. Raises NotLocal, Misdirected."""
        scope = connection.scope
        if scope.get(ADMITTED) is self:
            return
        hosts: list[str] = []
        proxied = False
        for name, value in scope["headers"]:
            if name == b"host":
                hosts.append(value.decode("latin-1"))
            elif name == b"forwarded" or name.startswith(b"x-forwarded-"):
                proxied = True
        host = hosts[0] if len(hosts) == 1 else ""
        if self.local:
            arrived = str((scope.get("server") or ("",))[0])
            if proxied or not self._is_local(arrived, host):
                raise NotLocal
        elif host.lower() not in self._names and not any_host:
            raise Misdirected
        scope[ADMITTED] = self

    def origin(self, connection: HTTPConnection) -> str:
        """The origin of this application's own pages, as a browser writes it: scheme, host, port if unusual.

        Locally the one that was asked for, once it is admitted: localhost, 127.0.0.1 or a name of this machine.
        """
        if not self.local:
            return self._origin
        scheme = "https" if connection.scope["scheme"] in {"https", "wss"} else "http"
        return _as_browsers_send_it(f"{scheme}://{connection.headers.get('host', '')}")

    def _is_local(self, arrived: str, host: str) -> bool:
        decided = self._decided.get((arrived, host))
        if decided is None:
            decided = _local_name(arrived) and _local_name(_without_port(host))
            if len(self._decided) < DECISIONS_REMEMBERED:
                self._decided[arrived, host] = decided
        return decided


def _names(origin: str) -> set[str]:
    """The Host values under which an origin is asked for: with its port, and without the usual one."""
    parts = urlsplit(origin)
    name = parts.netloc.lower()
    usual = DEFAULT_PORTS.get(parts.scheme, "")
    if parts.port is None:
        return {name, f"{name}:{usual}"}
    return {name, name.removesuffix(f":{usual}")}


def _as_browsers_send_it(origin: str) -> str:
    """Lower case, without the scheme's own port (RFC 6454 section 6.2)."""
    scheme, _, name = origin.lower().partition("://")
    return f"{scheme}://{name.removesuffix(':' + DEFAULT_PORTS.get(scheme, ''))}"


def _without_port(host: str) -> str:
    match = HOST.fullmatch(host)
    return (match[1] or match[2]) if match else ""


def _local_name(name: str) -> bool:
    """A loopback address, or a name without a dot: `localhost`, or a test client's `testserver`."""
    try:
        address = ip_address(name)
    except ValueError:
        return NAME_WITHOUT_DOT.fullmatch(name) is not None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_loopback
