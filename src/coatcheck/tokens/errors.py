"""The one refusal of this room."""

from coatcheck.problems import Unauthorized


class InvalidToken(Unauthorized):
    """The token is malformed, changed, expired, of somebody else's, or its session has ended.

    Source: RFC 6750 section 3.1. The reasons look alike: whoever presents a bad token learns nothing.
    """

    title = "Token not accepted"
    name = "invalid-token"
    detail = "The access token is not valid, or no longer. Log in again to get a new one."
    error = "invalid_token"
