"""Usernames: one function decides which are the same, for registration, login, CLI and import."""

from precis_i18n import get_profile

LONGEST_USERNAME = 254  # an e-mail address fits (RFC 5321 section 4.5.3.1.3)

_PROFILE = get_profile("UsernameCaseMapped")


def counted_as(username: str) -> str:
    """What guesses at a username are counted under: its mapped form, or as typed where nobody can have it."""
    return mapped(username) or username


def mapped(username: str) -> str | None:
    """The form in which usernames are compared, or None for one that nobody can have.

    Width and case are mapped, then NFC; spaces, control characters and mixed directions are refused.
    Look-alike letters of other scripts stay other accounts.
    Source: RFC 8265 section 3.3 (UsernameCaseMapped).
    """
    if not 0 < len(username) <= LONGEST_USERNAME:
        return None
    try:
        form = _PROFILE.enforce(username)
    except UnicodeError:
        return None
    return form if 0 < len(form) <= LONGEST_USERNAME else None
