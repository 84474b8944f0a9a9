"""Checking an access token, and showing how it is checked."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from coatcheck.tokens.claims import Claims
from coatcheck.tokens.errors import InvalidToken
from coatcheck.tokens.key import SigningKey
from coatcheck.tokens.stages import STAGES, Reading, Refused

THUMBPRINT = re.compile(r"[A-Za-z0-9_-]{43}")  # RFC 7638 with SHA-256


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one stage went. question: what it asks. reason: why it refuses; empty otherwise."""

    stage: str
    question: str
    result: Literal["passed", "refused", "not reached"]
    reason: str = ""


def verify(token: str, *, keys: Mapping[str, SigningKey], issuer: str, audience: str, now: float) -> Claims:
    """The claims of a token that one of `keys` has signed, for us, and that has not expired.

    keys: by key id. now: seconds since 1970; `exp` has no leeway (RFC 7519 section 4.1.4).
    Raises InvalidToken, whatever the reason.
    """
    reading = Reading(token, keys, issuer, audience, now)
    try:
        for stage in STAGES:
            stage.check(reading)
    except Refused:
        raise InvalidToken from None
    return reading.claims


def explain(token: str, *, keys: Mapping[str, SigningKey], issuer: str, audience: str, now: float) -> list[Outcome]:
    """How each stage goes for this token, by the same code that `verify` runs.

    For whoever may know: a caller whose token is refused is told that it is, and no more.
    """
    reading = Reading(token, keys, issuer, audience, now)
    outcomes: list[Outcome] = []
    refused = False
    for stage in STAGES:
        if refused:
            outcomes.append(Outcome(stage.name, stage.question, "not reached"))
            continue
        try:
            stage.check(reading)
        except Refused as refusal:
            refused = True
            outcomes.append(Outcome(stage.name, stage.question, "refused", str(refusal)))
        else:
            outcomes.append(Outcome(stage.name, stage.question, "passed"))
    return outcomes


def named_key(token: str) -> str | None:
    """The id of the key that a token names, if it looks like one of ours; nothing else is checked.

    For whoever looks up keys that are new: a `kid` of any other look (a path, SQL, 10 KB) gets nowhere.
    """
    reading = Reading(token, {}, "", "", 0)
    try:
        for stage in STAGES:
            if stage.name == "key":
                break
            stage.check(reading)
    except Refused:
        return None
    named = reading.header["kid"]
    return named if isinstance(named, str) and THUMBPRINT.fullmatch(named) else None
