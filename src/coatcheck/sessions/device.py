"""The device of a session, in words that its owner recognises."""

import ua_parser

UNKNOWN = "Unknown device"
READ_CHARACTERS = 256  # a browser's are some 120; what hundreds of patterns are tried on is chosen by anybody


def in_words(user_agent: str | None) -> str:
    """`Firefox on Linux`, from the User-Agent as it was sent. For display only: anybody can send anything.

    Reading the first one takes 70 ms, so this is not for the event loop; each other one 2 ms at the worst.
    """
    if not user_agent:
        return UNKNOWN
    # Not `parse`: it looks for the model of the device, too, and some of those patterns take a time that
    # grows with the square of the length: 100 ms for 512 semicolons. The package keeps what it has read.
    start = user_agent[:READ_CHARACTERS]
    read, system = ua_parser.parse_user_agent(start), ua_parser.parse_os(start)
    program = read.family if read else _name(user_agent)
    return f"{program} on {system.family}" if system else program


def _name(user_agent: str) -> str:
    """What a program calls itself: the first product of the header (RFC 9110 section 10.1.5)."""
    name = user_agent.split("/", 1)[0].split(" ", 1)[0][:40]
    return name if name.isprintable() and name else UNKNOWN
