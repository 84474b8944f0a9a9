"""A person with an account, talking HTTP."""

import itertools
import time
from typing import Any

import httpx2

PASSWORD = "secret123"
NEWS_SECONDS = 1.0
_names = itertools.count(1)


def new_name() -> str:
    """A username that no other test uses."""
    return f"user{next(_names)}"


class Person:
    """Registered and logged in; `get`, `post` … send the token."""

    def __init__(self, client: httpx2.Client, username: str | None = None, password: str = PASSWORD) -> None:
        self.client = client
        self.username = username or new_name()
        self.password = password
        answer = client.post("/register", json=self.credentials)
        assert answer.status_code == 201, answer.text
        self.id: int = answer.json()["id"]
        self.token = self.log_in()

    @property
    def credentials(self) -> dict[str, str]:
        """The body of /register and /login."""
        return {"username": self.username, "password": self.password}

    def log_in(self) -> str:
        """A new session's token."""
        answer = self.client.post("/login", json=self.credentials)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def log_in_with_refresh(self) -> dict[str, Any]:
        """A new session that can be refreshed; its access token is this person's from now on."""
        answer = self.client.post("/login", json={**self.credentials, "refresh": True})
        assert answer.status_code == 200, answer.text
        tokens: dict[str, Any] = answer.json()
        self.token = tokens["access_token"]
        return tokens

    def refresh(self, refresh_token: str) -> httpx2.Response:
        """Exchange a refresh token."""
        return self.client.post("/token/refresh", json={"refresh_token": refresh_token})

    def request(self, method: str, path: str, token: str | None = None, **options: Any) -> httpx2.Response:
        """Send a request with this person's token, or another one."""
        headers = {"Authorization": f"Bearer {token or self.token}", **options.pop("headers", {})}
        return self.client.request(method, path, headers=headers, **options)

    def is_refused(self) -> bool:
        """Whether GET /me refuses this person, within the second that a command's news may take on PostgreSQL."""
        deadline = time.monotonic() + NEWS_SECONDS
        while (status := self.get("/me").status_code) == 200 and time.monotonic() < deadline:
            pass
        return status == 401

    def get(self, path: str, **options: Any) -> httpx2.Response:
        """GET."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx2.Response:
        """POST."""
        return self.request("POST", path, **options)

    def put(self, path: str, **options: Any) -> httpx2.Response:
        """PUT."""
        return self.request("PUT", path, **options)

    def patch(self, path: str, **options: Any) -> httpx2.Response:
        """PATCH."""
        return self.request("PATCH", path, **options)

    def delete(self, path: str, **options: Any) -> httpx2.Response:
        """DELETE."""
        return self.request("DELETE", path, **options)

    def add_todo(self, title: str = "Learn JWT", **more: Any) -> dict[str, Any]:
        """A todo of this person's."""
        answer = self.post("/todos", json={"title": title, **more})
        assert answer.status_code == 201, answer.text
        todo: dict[str, Any] = answer.json()
        return todo
