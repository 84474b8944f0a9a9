"""Settings: from the environment or `.env`, and a mistake is one sentence without the value."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from coatcheck import Settings
from coatcheck.problems import StartRefused

SECRET = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"


def test_nothing_set_is_for_this_machine(tmp_path: Path) -> None:
    settings = Settings.read(tmp_path)
    assert settings.local
    assert settings.absolute_database_url == f"sqlite:///{tmp_path}/data/coatcheck.db"
    assert settings.token_audience == settings.issuer == "http://127.0.0.1:8000"
    assert settings.allowed_origins == ()
    settings.refuse_unsafe()


def test_the_environment_wins_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".env").write_text(
        "COATCHECK_PORT=8001\nCOATCHECK_HOST=127.0.0.2\n# a comment\nOTHER=1\nDATABASE_URL=x\n"
    )
    monkeypatch.setenv("COATCHECK_PORT", "8002")
    settings = Settings.read(tmp_path)
    assert (settings.port, settings.host) == (8002, "127.0.0.2")


def test_a_list_is_separated_by_commas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COATCHECK_ALLOWED_ORIGINS", "https://a.example, http://localhost:3000,")
    assert Settings.read(tmp_path).allowed_origins == ("https://a.example", "http://localhost:3000")


def test_proxies_are_addresses_and_networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Settings.read(tmp_path).trusted_proxies == ()
    monkeypatch.setenv("COATCHECK_TRUSTED_PROXIES", "127.0.0.1, 10.0.0.0/8,::1, 2001:db8::/32")
    assert Settings.read(tmp_path).trusted_proxies == ("127.0.0.1", "10.0.0.0/8", "::1", "2001:db8::/32")


def test_an_empty_variable_is_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COATCHECK_SECRET", "")
    monkeypatch.setenv("COATCHECK_PORT", "")
    settings = Settings.read(tmp_path)
    assert settings.secret is None
    assert settings.port == 8000


@pytest.mark.parametrize("where", ["environment", "file"])
def test_an_unknown_name_is_refused_with_the_nearest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    if where == "file":
        (tmp_path / ".env").write_text("COATCHECK_DATABASE_ULR=x\n")
    else:
        monkeypatch.setenv("COATCHECK_DATABASE_ULR", "x")
    with pytest.raises(StartRefused) as refusal:
        Settings.read(tmp_path)
    assert refusal.value.sentence == (
        "There is no setting COATCHECK_DATABASE_ULR. The nearest is COATCHECK_DATABASE_URL."
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "eighty"),
        ("PORT", "70000"),
        ("ENVIRONMENT", "prod-4711"),
        ("REGISTRATION", "maybe-4711"),
        ("ACCESS_TOKEN_SECONDS", "-4711"),
        ("ACCESS_TOKEN_SECONDS", "1800.5"),
        ("PASSWORD_MIN_LENGTH", "7"),
        ("DATABASE_PREPARE", "perhaps-4711"),
        ("ISSUER", "example.org-4711"),
        ("ISSUER", "https://example.org/4711"),
        ("ALLOWED_ORIGINS", "*"),
        ("ALLOWED_ORIGINS", "https://a.example/4711"),
        ("TRUSTED_PROXIES", "proxy-4711.example"),
        ("TRUSTED_PROXIES", "127.0.0.1, 10.0.0.4711"),
        ("TRUSTED_PROXIES", "10.47.11.1/8"),
        ("TRUSTED_PROXIES", "10.0.0.0/4711"),
        ("TRUSTED_PROXIES", "::ffff:10.0.0.1"),
        ("TRUSTED_PROXIES", "*"),
        ("TRUSTED_PROXIES", "0.0.0.0/0"),
        ("TRUSTED_PROXIES", "10.0.0.1, ::/0"),
        ("ARGON2_MEMORY_KIB", "many-4711"),
    ],
)
def test_a_malformed_value_is_one_sentence_that_names_the_setting_and_not_the_value(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"COATCHECK_{name}", value)
    with pytest.raises(StartRefused) as refusal:
        Settings.read(tmp_path)
    assert refusal.value.sentence.startswith(f"COATCHECK_{name} is not usable: ")
    assert "\n" not in refusal.value.sentence
    assert "4711" not in refusal.value.sentence


def test_the_secret_is_never_shown() -> None:
    assert SECRET not in repr(Settings(secret=SECRET))  # type: ignore[arg-type]


PRODUCTION = {"environment": "production", "secret": SECRET, "issuer": "https://api.example.org"}


def test_production_starts_with_what_it_asks_for(tmp_path: Path) -> None:
    Settings.read(tmp_path, **PRODUCTION).refuse_unsafe()
    Settings.read(tmp_path, **PRODUCTION, argon2_memory_kib=47_104, argon2_time_cost=1).refuse_unsafe()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"secret": None}, "COATCHECK_SECRET"),
        ({"issuer": "http://api.example.org"}, "COATCHECK_ISSUER"),
        ({"argon2_memory_kib": 8}, "COATCHECK_ARGON2_MEMORY_KIB"),
        ({"argon2_time_cost": 1}, "COATCHECK_ARGON2_TIME_COST"),
        ({"secret_file": "secret"}, "not both"),
    ],
)
def test_production_refuses_what_is_unsafe(tmp_path: Path, change: dict[str, object], named: str) -> None:
    with pytest.raises(StartRefused, match=named):
        Settings.read(tmp_path, **{**PRODUCTION, **change}).refuse_unsafe()


def test_an_unknown_keyword_is_a_mistake_in_the_program(tmp_path: Path) -> None:
    with pytest.raises(TypeError, match="enviroment"):
        Settings.read(tmp_path, enviroment="production")
    with pytest.raises(TypeError, match="regstration"):
        Settings(regstration="closed")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def test_names_are_checked_in_any_case_since_they_are_read_in_any_case(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("coatcheck_enviroment", "production")
    with pytest.raises(StartRefused, match="The nearest is COATCHECK_ENVIRONMENT"):
        Settings.read(tmp_path)


@pytest.mark.parametrize(
    "name",
    [
        "COATCHECK_SECREThunter2",
        "COATCHECK_DATABASE_URL:postgresql://u:hunter2@h/d?sslmode",
        "COATCHECK_DATABASE_URLpostgresql://u:hunter2@h/d?sslmode",
        "COATCHECK_DATABASE_URLhunter2",
        "COATCHECK_DATABSE_URL hunter2",
        "COATCHECK_" + "hunter2" * 10,
    ],
)
def test_a_value_that_a_forgotten_sign_made_a_part_of_the_name_is_not_repeated(tmp_path: Path, name: str) -> None:
    (tmp_path / ".env").write_text(f"'{name}'=require\n")
    with pytest.raises(StartRefused, match="There is no setting COATCHECK_") as refusal:
        Settings.read(tmp_path)
    assert "hunter2" not in refusal.value.sentence


@pytest.mark.parametrize(
    "line",
    [
        "COATCHECK_ENVIRONMENT production",
        "COATCHECK_SECRET",
        "export COATCHECK_SECRET",
        "  coatcheck_port: 8001",
        "COATCHECK_DATABASE_URL:postgresql://u:hunter2@h/d",
    ],
)
def test_a_line_of_ours_that_sets_nothing_is_refused(tmp_path: Path, line: str) -> None:
    """With the sign forgotten, what was meant for production would start as local."""
    (tmp_path / ".env").write_text(f"# mine\nDEBUG\nOTHER stuff\n{line}\n")
    with pytest.raises(StartRefused, match=r"Line 4 of .*\.env sets nothing") as refusal:
        Settings.read(tmp_path)
    assert "hunter2" not in refusal.value.sentence


def test_a_byte_order_mark_hides_no_setting(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("COATCHECK_ENVIRONMENT=production\n", encoding="utf-8-sig")
    assert not Settings.read(tmp_path).local


def test_a_mistake_in_a_program_does_not_show_the_value() -> None:
    wrongs: list[dict[str, Any]] = [
        {"secret": b"\xffhunter2"},
        {"issuer": "https://u:hunter2@x"},
        {"database_url": ["hunter2"]},
    ]
    for wrong in wrongs:
        with pytest.raises(ValidationError) as mistake:
            Settings(**wrong)
        assert "hunter2" not in str(mistake.value)


def test_the_databases_password_is_not_in_the_repr() -> None:
    assert "hunter2" not in repr(Settings(database_url="postgresql://a:hunter2@h/d"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ISSUER", "https://a.example:99999"),
        ("ISSUER", "https://a.example:b"),
        ("ARGON2_PARALLELISM", "64"),
        ("ARGON2_MEMORY_KIB", str(2**33)),
    ],
)
def test_more_values_that_cannot_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv("COATCHECK_ARGON2_MEMORY_KIB", "64")
    monkeypatch.setenv(f"COATCHECK_{name}", value)
    with pytest.raises(StartRefused, match=f"COATCHECK_{name} is not usable"):
        Settings.read(tmp_path)


def test_a_file_that_is_no_text_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"COATCHECK_PORT=\xff")
    with pytest.raises(StartRefused, match="cannot be read as UTF-8"):
        Settings.read(tmp_path)


def test_origins_are_compared_as_browsers_send_them(tmp_path: Path) -> None:
    settings = Settings.read(tmp_path, allowed_origins="https://App.Example:443,http://localhost:3000")
    assert settings.allowed_origins == ("https://app.example", "http://localhost:3000")
