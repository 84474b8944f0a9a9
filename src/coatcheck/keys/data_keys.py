"""The keys for one purpose, for a room that knows nothing of where keys come from."""

from collections.abc import Awaitable, Callable

from coatcheck.keys.keyring import DataKey, Keyring


class DataKeys:
    """The keys of one keyring for one purpose. catch_up: learns what other processes have changed."""

    def __init__(self, keyring: Keyring, purpose: str, catch_up: Callable[[], Awaitable[None]]) -> None:
        self._keyring = keyring
        self._purpose = purpose
        self._catch_up = catch_up

    async def newest(self) -> DataKey:
        """The one for what is stored from now on. Raises Unavailable."""
        # After a reset a key that is no longer there would make what is stored now unreadable.
        await self._catch_up()
        return await self._keyring.newest(self._purpose)

    async def find(self, key_id: str) -> bytes | None:
        """One that something was stored with; None if there is no such key. Raises DatabaseUnavailable."""
        key = self._keyring.data_keys(self._purpose).get(key_id)
        if key is None and await self._keyring.learned_data(key_id):
            key = self._keyring.data_keys(self._purpose).get(key_id)
        return key
