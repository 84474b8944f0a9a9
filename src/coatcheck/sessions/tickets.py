"""Making the access tokens of sessions."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from coatcheck.tokens import Claims, SigningKey, issue


@dataclass(frozen=True, slots=True)
class Ticket:
    """An access token. expires_in: seconds. expires_at: the same as a moment."""

    access_token: str = field(repr=False)
    expires_in: int
    expires_at: datetime


class Tickets:
    """Issues access tokens for one service. seconds: how long each is good for. clock: seconds since 1970."""

    def __init__(self, *, issuer: str, audience: str, seconds: int, clock: Callable[[], float]) -> None:
        self._issuer = issuer
        self._audience = audience
        self._seconds = seconds
        self._clock = clock

    def issue(
        self, key: SigningKey, *, subject: int, username: str, session: str, auth_time: int, amr: tuple[str, ...]
    ) -> Ticket:
        """A token for this session, signed with `key`."""
        now = int(self._clock())
        claims = Claims(
            subject=subject,
            username=username,
            session=session,
            auth_time=auth_time,
            amr=amr,
            expires_at=now + self._seconds,
            key_id=key.id,
        )
        token = issue(claims, key=key, issuer=self._issuer, audience=self._audience, now=now)
        return Ticket(token, self._seconds, datetime.fromtimestamp(claims.expires_at, UTC))
