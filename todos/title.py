"""Titles: what is accepted, and how they are searched."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from todos.tables import LONGEST_TITLE


def _clean(title: str) -> str:
    """Trimmed, 1 to 500 characters, none of them a control character."""
    trimmed = title.strip()
    if not 0 < len(trimmed) <= LONGEST_TITLE:
        raise PydanticCustomError("coatcheck_title_length", "Use 1 to 500 characters.")
    return _without_controls(trimmed)


def _without_controls(text: str) -> str:
    if any(unicodedata.category(character) == "Cc" for character in text):
        raise PydanticCustomError("coatcheck_control_character", "Leave out control characters, such as line breaks.")
    return text


# In the OpenAPI document, what the functions above accept. A control character is one of Unicode's Cc.
_CONTROLS = r"\x00-\x1f\x7f-\x9f"
_TITLE = rf"^\s*[^\s{_CONTROLS}]([^{_CONTROLS}]{{0,{LONGEST_TITLE - 2}}}[^\s{_CONTROLS}])?\s*$"

Title = Annotated[
    str,
    AfterValidator(_clean),
    Field(description="1 to 500 characters.", examples=["Learn JWT"], json_schema_extra={"pattern": _TITLE}),
]
SearchText = Annotated[
    str,
    Field(max_length=LONGEST_TITLE, json_schema_extra={"pattern": f"^[^{_CONTROLS}]*$"}),
    AfterValidator(_without_controls),
]


def searchable(text: str) -> str:
    """The form in which titles are searched, whatever the case, in any script.

    Made here and stored beside the title: lower() knows ASCII only on SQLite, and on PostgreSQL what
    the server's locale knows.
    """
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
