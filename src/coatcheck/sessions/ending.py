"""Ending sessions: the row goes, and what is left of its tokens is refused in every process at once."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from coatcheck.database import Transaction
from coatcheck.keys import CHANNEL
from coatcheck.sessions.statements import ALL, EVERYBODYS, LOCK_ACCOUNT, ONE, OTHERS, REVOKE, Which

LINES_A_MESSAGE = 150  # PostgreSQL carries 8,000 bytes, a line has less than 50
ENDED = "ended"  # the first word of a line; keys have one of their own


class Ending:
    """Ends sessions of one account, in the caller's transaction.

    The account's row is locked first: who opens or refreshes a session holds it too, so nothing is issued
    meanwhile for what ends here.
    """

    async def one(self, tx: Transaction, account_id: int, session_id: str) -> bool:
        """End one session. Whether there was one."""
        return await self._end(tx, ONE, {"account_id": account_id, "session_id": session_id}) > 0

    async def without_row(self, tx: Transaction, session_id: str, expires_at: datetime) -> None:
        """End a session of which only its tokens are left. expires_at: not before the last of them expires."""
        await tx.execute(REVOKE, {"session_id": session_id, "expires_at": expires_at})
        await tx.announce(CHANNEL, f"{ENDED} {session_id} {int(expires_at.timestamp())}")

    async def others(self, tx: Transaction, account_id: int, keep: str) -> None:
        """End all but one."""
        await self._end(tx, OTHERS, {"account_id": account_id, "keep": keep})

    async def all(self, tx: Transaction, account_id: int) -> None:
        """End all of them."""
        await self._end(tx, ALL, {"account_id": account_id})

    async def everybodys(self, tx: Transaction) -> None:
        """End the sessions of all accounts, in a transaction that also revokes every signing key."""
        # No revocations: a million of them would say what the keys say for all tokens at once, also for
        # those of sessions that a restored database knows nothing of. No account is locked: whoever
        # logs in at this moment is one of those who log in again.
        await tx.execute(EVERYBODYS)

    async def _end(self, tx: Transaction, which: Which, values: dict[str, object]) -> int:
        await tx.one(LOCK_ACCOUNT, {"account_id": values["account_id"]})
        ended = await tx.all(which.find, values)
        if ended:
            await tx.execute(which.revoke, values)
            await tx.execute(which.end, values)
            for lines in _messages(ended):
                await tx.announce(CHANNEL, lines)
        return len(ended)


def _messages(ended: Sequence[Any]) -> list[str]:
    lines = [f"{ENDED} {row.id} {int(row.expires_at.timestamp())}" for row in ended]
    return ["\n".join(lines[start : start + LINES_A_MESSAGE]) for start in range(0, len(lines), LINES_A_MESSAGE)]
