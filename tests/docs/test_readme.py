"""README's walk on a fresh server, command by command: what a visitor copies is what happens."""

from tests.docs.pages import Block, blocks, pages
from tests.docs.session import masked
from tests.support.server import ROOT

README = ROOT / "README.md"


def shell() -> list[Block]:
    return [block for block in blocks(README) if block.kind == "sh"]


def test_the_walk_is_the_briefs_own() -> None:
    text = "".join(block.text for block in shell())
    steps = ["make run", "make test", "/register", "/login", "TOKEN=$(", "/todos", "Learn JWT"]
    assert [step for step in steps if step not in text] == []
    assert "jq" not in text
    assert "python3 -c" in text


def test_masking_hides_what_changes_and_nothing_else() -> None:
    assert masked('{"id":2,"access_token":"eyJhbGciOi.a-b.c_d"} 200') == '{"id":2,"access_token":"<token>"} 200'
    assert masked('"eyJhbG…"') == '"<token>"'
    assert masked('"created_at":"2026-01-31T09:30:00.123456Z"') == '"created_at":"<time>"'
    assert masked("urn:uuid:0b5a3e7e-6a57-4d1c-9a0e-3f0f6f6c2f11") == "<request id>"
    assert masked('"iat": 1769851800, "sub": "1"') == '"iat": <seconds since 1970>, "sub": "1"'
    assert masked('"sid": "tooshort", "kid": "tooshort"') == '"sid": "tooshort", "kid": "tooshort"'
    argon2id = "$argon2id$v=19$m=19456,t=2,p=1$"
    assert masked(f"{argon2id}{22 * 'a'}${43 * 'b'}") == f"{argon2id}<salt>$<hash>"
    assert masked("carol 0.035689 s\n5 s") == "carol <duration>\n5 s"
    assert masked("a.jwt.of-another-kind 2026-01-31") == "a.jwt.of-another-kind 2026-01-31"


def test_three_sentences_say_what_it_is() -> None:
    first = README.read_text(encoding="utf-8").split("\n\n")[1]
    assert first.count(". ") + first.count(".\n") + first.endswith(".") == 3


def test_readme_is_a_page_of_the_manual() -> None:
    assert README in pages()
    assert len(shell()) >= 8
