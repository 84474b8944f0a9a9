"""The device of a session, in words that its owner recognises."""

import ua_parser

UNKNOWN = "Unknown device"


def in_words(user_agent: str | None) -> str:
    """`Firefox on Linux`, from the User-Agent as it was sent. For display only: anybody can send anything.

    Reading the first one takes 70 ms, so this is not for the event loop.
    """
    if not user_agent:
        return UNKNOWN
    read = ua_parser.parse(user_agent)
    program = read.user_agent.family if read.user_agent else _name(user_agent)
    system = read.os.family if read.os else None
    return f"{program} on {system}" if system else program


def _name(user_agent: str) -> str:
    """What a program calls itself: the first product of the header (RFC 9110 section 10.1.5)."""
    name = user_agent.split("/", 1)[0].split(" ", 1)[0][:40]
    return name if name.isprintable() and name else UNKNOWN
