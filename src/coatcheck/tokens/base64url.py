"""base64url without padding (RFC 7515 section 2), in its one canonical spelling."""

import base64


def encoded(value: bytes) -> str:
    """The text of these bytes."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode("ascii")


def decoded(text: str) -> bytes:
    """The bytes of this text.

    Raises ValueError for every other spelling of the same bytes: the last letter may have bits that
    are not used, and a lenient reader takes up to sixteen letters for one.
    """
    value = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encoded(value) != text:
        raise ValueError("not canonical")
    return value
