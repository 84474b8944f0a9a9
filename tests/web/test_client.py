"""Anybody can write X-Forwarded-For. What a trusted proxy has added on its right is believed, and nothing else."""

import logging
import time
from ipaddress import ip_address
from typing import Any

import pytest
from fastapi.requests import HTTPConnection
from hypothesis import given
from hypothesis import strategies as st

from coatcheck.web import Client, Proxies
from coatcheck.web.client import PEER

PROXY = ("10.0.0.1", 40_000)
VISITOR = "203.0.113.9"
TRUSTED = ["10.0.0.0/8", "2001:db8::/32", "192.0.2.7"]


def arriving(*forwarded: str, peer: Any = PROXY, more: Any = ()) -> HTTPConnection:
    headers = [(b"x-forwarded-for", line.encode("latin-1")) for line in forwarded]
    return HTTPConnection({"type": "http", "headers": [*headers, *more], "client": peer})


def address(*forwarded: str, peer: Any = PROXY, trusted: Any = TRUSTED) -> str | None:
    found = Proxies(trusted).client(arriving(*forwarded, peer=peer)).address
    return None if found is None else str(found)


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        ((VISITOR, 1), VISITOR),
        (("::1", 1), "::1"),
        ((f"::ffff:{VISITOR}", 1), VISITOR),
        (("fe80::1%eth0", 1), "fe80::1"),
        ([VISITOR, 1], VISITOR),
        (None, None),
        (("testclient", 50_000), None),
        (("/run/app.sock", None), None),
        (("", 0), None),
    ],
)
def test_without_a_proxy_it_is_the_peers(peer: Any, expected: str | None) -> None:
    assert address(peer=peer) == expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([VISITOR], VISITOR),
        (["1.1.1.1, " + VISITOR], VISITOR),
        (["1.1.1.1", VISITOR], VISITOR),
        ([VISITOR, "10.0.0.2"], VISITOR),
        ([f"8.8.8.8,{VISITOR},2001:db8::1 ,\t192.0.2.7"], VISITOR),
        (["10.0.0.9, 10.0.0.8"], "10.0.0.9"),
        ([f"{VISITOR}:51000"], VISITOR),
        (["[2001:db9::5]:443"], "2001:db9::5"),
        (["[2001:db9::5]"], "2001:db9::5"),
        (["2001:db9::5"], "2001:db9::5"),
        ([f"::ffff:{VISITOR}"], VISITOR),
        ([f"{VISITOR}, ::ffff:10.0.0.3"], VISITOR),
        ([], PROXY[0]),
    ],
)
def test_it_is_the_first_from_the_right_that_is_not_trusted(lines: list[str], expected: str) -> None:
    assert address(*lines) == expected


@pytest.mark.parametrize(
    "bad",
    [
        "",
        " ",
        "unknown",
        "_hidden",
        "1.2.3",
        "1.2.3.4.5",
        "01.2.3.4",
        "1.2.3.4:x",
        "1.2.3.4:100000",
        "[::1",
        '"1.2.3.4"',
        "1.2.3.4;5.6.7.8",
        "\xa01.2.3.4",
        "1.2.3.4/8",
        "9" * 5000,
        "[]",
        "[1.2.3.4]x",
    ],
)
def test_what_is_malformed_ends_the_way_at_the_last_good_hop(bad: str) -> None:
    assert address(bad) == PROXY[0]
    assert address(f"{VISITOR}, {bad}, 10.0.0.2") == "10.0.0.2"
    assert address(f"{bad}, {VISITOR}") == VISITOR


@pytest.mark.parametrize("trusted", [[], ["10.0.0.2"], ["::/1"], ["11.0.0.0/8"]])
def test_who_is_not_named_is_not_believed(trusted: list[str]) -> None:
    assert address(VISITOR, trusted=trusted) == PROXY[0]


@pytest.mark.parametrize("name", [b"forwarded", b"x-real-ip", b"true-client-ip", b"cf-connecting-ip", b"x-client-ip"])
def test_no_other_header_says_where_a_request_came_from(name: bytes) -> None:
    connection = arriving(more=[(name, f"for={VISITOR}".encode()), (name, VISITOR.encode())])
    assert str(Proxies(TRUSTED).client(connection).address) == PROXY[0]


@pytest.mark.parametrize(
    ("peer", "line"),
    [
        ((VISITOR, 0), VISITOR),
        ((VISITOR, 51_000), f"{VISITOR}:51000"),
        (("2001:db9::5", 7), "1.1.1.1, [2001:db9::5]:7"),
    ],
)
def test_an_address_that_the_server_took_from_the_header_itself_is_nobodys(
    peer: Any, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    """uvicorn believes the header from loopback unless it is told not to, whoever wrote it."""
    proxies = Proxies([VISITOR, "2001:db9::5"])
    for _ in range(3):
        assert proxies.client(arriving(line, peer=peer)).address is None
    (said,) = caplog.records
    assert "Start uvicorn with --no-proxy-headers" in said.getMessage()


def test_who_lists_the_ports_of_the_proxy_in_front_stays_known(caplog: pytest.LogCaptureFixture) -> None:
    """What a client writes into the header is no sign of a server that has replaced the address."""
    ports = ", ".join(f"{PROXY[0]}:{port}" for port in range(PROXY[1] - 9, PROXY[1] + 9))
    assert address(f"{ports}, {VISITOR}") == VISITOR
    assert caplog.records == []


@pytest.mark.parametrize("trusted", [[], TRUSTED])
def test_where_the_server_says_that_it_replaces_nothing_the_own_address_hides_nobody(
    trusted: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    connection = arriving(f"{VISITOR}:51000", peer=(VISITOR, 51_000))
    connection.scope[PEER] = (VISITOR, 51_000)
    assert str(Proxies(trusted).client(connection).address) == VISITOR
    connection.scope["client"] = ("8.8.8.8", 7)  # by a middleware behind the server
    assert Proxies(trusted).client(connection).address is None
    assert "Start uvicorn with --no-proxy-headers" in caplog.records[-1].getMessage()


@pytest.mark.parametrize("piece", [b"1,", b",", b"1::2,", b"10.0.0.2,", b"[1:2:3:4:5:6:7:8]:1,", b"9.", b" "])
@pytest.mark.parametrize("peer", [PROXY, (VISITOR, 4711)])
def test_a_megabyte_of_addresses_keeps_nobody_waiting(piece: bytes, peer: Any) -> None:
    """Each read by itself takes seconds, in which the process answers nobody."""
    one = [(b"x-forwarded-for", piece * (1_000_000 // len(piece)))]
    many = [(b"x-forwarded-for", piece)] * 100_000
    for headers in (one, many):
        began = time.perf_counter()
        Proxies(TRUSTED).client(arriving(peer=peer, more=headers))
        assert time.perf_counter() - began < 0.2


def test_no_more_than_32_hops_are_read() -> None:
    assert address(", ".join([VISITOR, *["10.0.0.2"] * 31])) == VISITOR
    assert address(VISITOR, *["10.0.0.2, 10.0.0.3"] * 15, "10.0.0.4") == VISITOR
    assert address(", ".join([VISITOR, *["10.0.0.2"] * 32])) == "10.0.0.2"
    assert address(VISITOR, *["10.0.0.2, 10.0.0.3"] * 16) == "10.0.0.2"


@pytest.mark.parametrize("name", [b"x-forwarded-for", b"forwarded", b"x-forwarded-proto"])
@pytest.mark.parametrize(
    ("peer", "named"),
    [
        ((VISITOR, 1), f"{VISITOR} and was not believed. If that is your own proxy, name it in"),
        (None, "a socket without an address and was not believed: such a one cannot be named in"),
    ],
)
def test_one_warning_says_what_to_set_for_headers_that_are_not_believed(
    name: bytes, peer: Any, named: str, caplog: pytest.LogCaptureFixture
) -> None:
    proxies = Proxies(TRUSTED)
    for _ in range(3):
        proxies.client(arriving(peer=peer, more=[(name, b"198.51.100.77")]))
    (said,) = caplog.records
    assert (said.name, said.levelno) == ("coatcheck", logging.WARNING)
    sentence = f"X-Forwarded-For or its like came from {named} COATCHECK_TRUSTED_PROXIES"
    assert said.getMessage().startswith(sentence)
    assert "198.51.100.77" not in said.getMessage()


def test_a_trusted_proxy_is_no_reason_for_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    proxies = Proxies(TRUSTED)
    proxies.client(arriving(VISITOR))
    proxies.client(arriving())
    assert caplog.records == []


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ([], ""),
        ([b"Mozilla/5.0 (X11)"], "Mozilla/5.0 (X11)"),
        ([b"caf\xe9"], "caf\xe9"),
        ([b"a\x00b\x1b[31mc\x7fd\x9be\r\n"], "ab[31mcde"),
        ([b"first", b"second"], "first"),
        ([b"\x01" * 600 + b"x" * 600], "x" * 512),
    ],
)
def test_the_user_agent_is_as_sent_short_and_without_control_characters(sent: list[bytes], kept: str) -> None:
    client = Proxies().client(arriving(more=[(b"user-agent", value) for value in sent]))
    assert client == Client(ip_address(PROXY[0]), kept)


@given(lines=st.lists(st.binary(max_size=40), max_size=4), peer=st.tuples(st.text(max_size=20), st.integers()))
def test_no_header_and_no_peer_makes_it_fail(lines: list[bytes], peer: Any) -> None:
    for one in (peer, PROXY):
        Proxies(TRUSTED).client(arriving(peer=one, more=[(b"x-forwarded-for", line) for line in lines]))
