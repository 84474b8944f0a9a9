"""Data keys that a test holds itself, where no database is needed."""

import secrets


class HeldKeys:
    """Keys by their ids, the newest last."""

    def __init__(self) -> None:
        self.keys: dict[str, bytes] = {}
        self.renew()

    def renew(self) -> None:
        """A new key for what is stored from now on."""
        self.keys[secrets.token_urlsafe(16)] = secrets.token_bytes(32)

    async def newest(self) -> tuple[str, bytes]:
        """The newest one."""
        return list(self.keys.items())[-1]

    async def find(self, key_id: str) -> bytes | None:
        """One of them."""
        return self.keys.get(key_id)
