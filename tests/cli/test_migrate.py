"""`coatcheck migrate`, and what each command refuses with: one sentence, exit code 1."""

from pathlib import Path

import pytest

from tests.support.command import run
from tests.support.server import install_application


def test_migrate_says_which_database_and_what_it_did(tmp_path: Path, database_url: str) -> None:
    install_application(tmp_path)
    first = run(tmp_path, "migrate", "--app", "app:app", COATCHECK_DATABASE_URL=database_url)
    assert first.returncode == 0, first.stderr
    assert first.stdout == "The schema is up to date now.\n"
    assert first.stderr.startswith("Database: ")
    again = run(tmp_path, "migrate", "--app", "app:app", COATCHECK_DATABASE_URL=database_url)
    assert again.stdout == "The schema was up to date already.\n"


def test_without_app_only_the_librarys_tables_are_made(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'own.db'}"
    assert run(tmp_path, "migrate", COATCHECK_DATABASE_URL=url).returncode == 0
    install_application(tmp_path)
    done = run(tmp_path, "migrate", "--app", "app:app", COATCHECK_DATABASE_URL=url)
    assert done.stdout == "The schema is up to date now.\n"


@pytest.mark.parametrize(
    ("arguments", "settings", "sentence"),
    [
        (("migrate", "--app", "nothing:app"), {}, "There is no application nothing:app here"),
        (("migrate", "--app", "json:dumps"), {}, "json:dumps is no FastAPI application with a Coatcheck(app)."),
        (
            ("migrate",),
            {"COATCHECK_DATABASE_URL": "mysql://root:hunter2@localhost/x"},
            "COATCHECK_DATABASE_URL names",
        ),
        (("migrate",), {"COATCHECK_DATABASE_URL": "sqlite://"}, "COATCHECK_DATABASE_URL must name a file"),
        (("migrate",), {"COATCHECK_DATABASE_ULR": "x"}, "There is no setting COATCHECK_DATABASE_ULR."),
        (
            ("migrate",),
            {"COATCHECK_DATABASE_URL": "postgresql://x:hunter2@127.0.0.1:1/x"},
            "PostgreSQL does not answer",
        ),
    ],
)
def test_a_refusal_is_one_sentence_on_standard_error(
    tmp_path: Path, arguments: tuple[str, ...], settings: dict[str, str], sentence: str
) -> None:
    done = run(tmp_path, *arguments, **settings)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
    assert "hunter2" not in done.stderr
