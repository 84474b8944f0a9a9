"""Listening, and what uvicorn would say in our place."""

import asyncio
import socket
from typing import Any

import pytest

from coatcheck.problems import NotStarted, StartRefused
from coatcheck.web.serve import Starting, listening


def test_a_port_that_is_taken_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with (
            pytest.raises(
                StartRefused, match=rf"^Port {port} on 127\.0\.0\.1 cannot be used \(Address already in use\)"
            ),
            listening("127.0.0.1", port),
        ):
            pass


@pytest.mark.parametrize("host", ["not a host", "192.0.2.77", "host.invalid"])
def test_an_address_that_is_not_ours_is_one_sentence(host: str) -> None:
    with pytest.raises(StartRefused, match=f"on {host} cannot be used"), listening(host, 18_765):
        pass


def test_the_port_is_free_again_afterwards() -> None:
    with listening("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
    with listening("127.0.0.1", port) as again:
        assert again.getsockname()[1] == port


async def cancelled(app: Any) -> list[Any]:
    """What is sent when the server cancels a request."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/", "headers": []}
    task = asyncio.create_task(Starting(app)(scope, None, send))  # type: ignore[arg-type]
    await asyncio.sleep(0.01)
    task.cancel()
    await task
    return sent


async def test_a_request_that_is_cut_off_is_told_so() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    start, body = await cancelled(app)
    headers = dict(start["headers"])
    assert start["status"] == 503
    assert headers[b"content-type"] == b"application/problem+json"
    assert int(headers[b"retry-after"]) >= 1
    assert headers[b"x-request-id"] in body["body"]


async def test_an_answer_that_had_begun_is_not_begun_again() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.Event().wait()

    assert [message.get("status") for message in await cancelled(app)] == [200]


async def test_a_refusal_to_start_is_kept_and_other_mistakes_are_not() -> None:
    async def refuses(scope: Any, receive: Any, send: Any) -> None:
        raise NotStarted("Not like this.")

    async def fails(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError

    starting = Starting(refuses)
    await starting({"type": "lifespan"}, None, None)  # type: ignore[arg-type]
    assert starting.refusal is not None
    assert starting.refusal.sentence == "Not like this."
    with pytest.raises(RuntimeError):
        await Starting(fails)({"type": "lifespan"}, None, None)  # type: ignore[arg-type]
