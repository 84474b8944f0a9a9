"""A login looks for what has expired among the sessions of the account: not at each of thousands that go on."""

import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy.dialects import sqlite

from coatcheck.sessions import statements
from tests.support.app import make_app


def test_what_has_expired_is_a_range_of_an_index(tmp_path: Path) -> None:
    make_app(tmp_path).state.coatcheck.migrations.upgrade()
    compiled = statements.FORGET_EXPIRED.compile(dialect=sqlite.dialect(paramstyle="named"))
    values: dict[str, Any] = dict.fromkeys(compiled.params, 1)
    connection = sqlite3.connect(tmp_path / "data" / "coatcheck.db")
    (step,) = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {compiled}", values)]
    connection.close()
    assert "USING INDEX ix_coatcheck_sessions_account_id_expires_at" in step
    assert "account_id=? AND expires_at<?" in step
