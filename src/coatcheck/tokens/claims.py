"""What a token says."""

from dataclasses import dataclass

# RFC 9068 section 2.1: a token of another kind can never be taken for an access token.
ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105  a media type


@dataclass(frozen=True, slots=True)
class Claims:
    """A verified token's content (RFC 9068 section 2.2). Times are seconds since 1970, UTC.

    session: the id of the row that a logout removes (`sid`). auth_time, amr: when and how the person
    proved who they are (RFC 8176: `pwd`). key_id: the signing key's, looked at again on each use.
    """

    subject: int
    username: str
    session: str
    auth_time: int
    amr: tuple[str, ...]
    expires_at: int
    key_id: str
