"""Which names no password may be: NIST SP 800-63B-4 section 3.1.1.2, OWASP ASVS 5.0 6.1.2 and 6.2.11."""

import unicodedata

import pytest

from coatcheck.passwords import Policy, product_names

policy = Policy(product_names=product_names("Walled Garden", "https://garden.example.org"))


def refusal(password: str, username: str | None = None) -> str:
    return policy.refusal(password, username) or ""


@pytest.mark.parametrize(
    "password",
    [
        *("coatcheck", "Coatcheck1", "COATCHECK2024!", " coatcheck ", "1coatcheck$", "ｃｏａｔｃｈｅｃｋ"),
        *("walled garden", "Walled Garden 99", "garden.example.org", "Garden.Example.Org!"),
    ],
)
def test_v6_2_11_the_products_names_are_refused(password: str) -> None:
    assert "name of the service" in refusal(password)


@pytest.mark.parametrize(
    "password",
    [
        "alice.smith",
        "Alice.Smith",
        "ALICE.SMITH!",
        "alice.smith2024!",
        "99 alice.smith",
        "(alice.smith)",
        "alice.smith^+$",
    ],
)
@pytest.mark.parametrize("username", ["alice.smith", "Alice.Smith", "alice.smith@example.org", "alice.smith7"])
def test_v6_2_11_the_username_is_refused(password: str, username: str) -> None:
    assert "username" in refusal(password, username)


@pytest.mark.parametrize(
    ("password", "username"),
    [
        ("alice.smith@example.org", "alice.smith@example.org"),
        ("ALICE.SMITH@EXAMPLE.ORG1", "alice.smith@example.org"),
        ("bob12345", "bob12345"),
        ("83920174", "83920174"),
        ("straSSe1", "straße"),
        (unicodedata.normalize("NFD", "zoé-müller1"), "Zoé-Müller"),
        ("wilhelmina1", "ｗｉｌｈｅｌｍｉｎａ"),  # the account's name maps to the narrow form
        ("田中太郎12345", "田中太郎"),
    ],
)
def test_v6_2_11_the_username_is_refused_in_every_spelling(password: str, username: str) -> None:
    assert "username" in refusal(password, username)


@pytest.mark.parametrize(
    ("password", "username"),
    [
        ("coatcheck is a nice library", "alice"),
        ("my coatcheck", "alice"),
        ("alice likes garden gnomes", "alice"),
        ("alice-and-bob", "alice"),
        ("malice99", "alice"),
        ("bob 83920", "bob"),  # three letters are no name but a syllable
        ("alice🔑🗝🚪", "alice"),
        ("org-example-garden", "alice"),
        ("83920174", "8392"),
        ("?=?=?=?=?", "!=!=!=!=!"),
        ("example.org", "alice.smith@example.org"),
    ],
)
def test_v6_2_11_a_name_inside_a_longer_password_is_a_word_like_others(password: str, username: str) -> None:
    assert refusal(password, username) == ""


def test_v6_1_2_the_products_names_are_this_library_the_title_and_the_host() -> None:
    assert product_names("Walled Garden", "https://garden.example.org:8443") == (
        "coatcheck",
        "Walled Garden",
        "garden.example.org",
    )
    assert product_names("FastAPI", "http://127.0.0.1:8000") == ("coatcheck", "127.0.0.1")
    assert Policy(product_names=product_names("FastAPI", "http://127.0.0.1:8000")).refusal("fastapi1") is None
