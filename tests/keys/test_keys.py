"""Keys are rows, wrapped; whoever starts first makes the first ones."""

import asyncio
from itertools import pairwise

import pytest
from sqlalchemy import text

from coatcheck.database import Database, UniqueViolation
from coatcheck.keys import HASHING, PEPPER, SEAL, SUCCESSOR, THROTTLE, Keyring, Secret, Secrets
from coatcheck.keys.check import check, exist
from coatcheck.problems import StartRefused
from tests.keys.conftest import Open, shown
from tests.support.clock import Clock


async def test_a_first_start_makes_a_key_that_signs_a_next_one_and_the_data_keys(
    keyring: Keyring, another: Open
) -> None:
    assert list(shown(keyring).values()) == ["current", "next"]
    assert [key.id for key in keyring.published()] == list(shown(keyring))
    assert set(keyring.signing) == set(shown(keyring))
    hashing, successor = keyring.data_key(HASHING), keyring.data_key(SUCCESSOR)
    assert {len(key.value) for key in (hashing, successor)} == {32}
    assert hashing.value != successor.value
    assert dict(keyring.data_keys(HASHING)) == {hashing.id: hashing.value}
    again = await another()
    assert (again.signing, again.revision) == (keyring.signing, keyring.revision)
    assert (again.data_key(HASHING), again.data_key(SUCCESSOR)) == (hashing, successor)


async def test_processes_that_start_at_once_agree(
    database: Database, database_url: str, secret: Secret, clock: Clock
) -> None:
    others = [Database(database_url) for _ in range(5)]
    for other in others:
        await other.open()
    keyrings = [Keyring(other, clock=clock) for other in others]
    await asyncio.gather(*(keyring.load(lambda: Secrets(secret)) for keyring in keyrings))
    for other in others:
        await other.close()
    for one, next_one in pairwise(keyrings):
        assert one.signing == next_one.signing
        assert one.data_key(HASHING) == next_one.data_key(HASHING)
    assert list(shown(keyrings[0]).values()) == ["current", "next"]


async def test_a_dump_holds_no_usable_key(database: Database, keyring: Keyring) -> None:
    rows = await database.all(text("SELECT wrapped FROM coatcheck_keys"))
    secrets = [key.private for key in keyring.signing.values()]
    secrets += [keyring.data_key(purpose).value for purpose in (HASHING, SUCCESSOR, PEPPER, SEAL, THROTTLE)]
    assert len(rows) == len(secrets) == 7
    assert not [value for row in rows for value in secrets if value in bytes(row[0])]


async def test_a_secret_that_does_not_belong_is_told_so(database: Database, clock: Clock) -> None:
    right, wrong = Secrets(Secret(Secret.new_text())), Secrets(Secret(Secret.new_text()))
    assert not await exist(database)
    await check(database, wrong)  # nothing there yet: any will do
    await Keyring(database, clock=clock).load(lambda: right)
    assert await exist(database)
    await check(database, right)
    await check(database, Secrets(wrong.current, right.current))
    with pytest.raises(StartRefused, match=r"does not belong to the database .*Set COATCHECK_SECRET"):
        await check(database, wrong)
    with pytest.raises(StartRefused, match=r"does not belong to the database .*Set COATCHECK_SECRET"):
        await Keyring(database, clock=clock).load(lambda: wrong)


async def test_a_database_without_tables_holds_no_keys(tmp_path_factory: pytest.TempPathFactory) -> None:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('empty') / 'new.db'}")
    await database.open()
    assert not await exist(database)
    await check(database, Secrets(Secret(Secret.new_text())))
    await database.close()


async def test_j37_a_symmetric_key_among_the_signing_keys_is_refused_at_load(
    database: Database, keyring: Keyring, secret: Secret, another: Open
) -> None:
    wrapped = secret.wrap(bytes(range(32)), purpose="signing", key_id="symmetric", algorithm="HS256")
    hexed = f"X'{wrapped.hex()}'" if database.dialect == "sqlite" else f"'\\x{wrapped.hex()}'"
    await database.execute(
        text(
            "INSERT INTO coatcheck_keys (key_id, purpose, serial, algorithm, wrapped, created_at, revision) "
            f"VALUES ('symmetric', 'signing', 99, 'HS256', {hexed}, '2026-01-01 00:00:00+00:00', 99)"
        )
    )
    with pytest.raises(StartRefused, match="of a kind that this program does not know"):
        await another()
    before = dict(keyring.signing)
    keyring.told(99)
    await keyring.fresh()  # a server that runs goes on with what it knows
    assert keyring.signing == before


async def test_j38_a_key_id_is_there_once(database: Database, keyring: Keyring) -> None:
    key_id = next(iter(keyring.signing))
    with pytest.raises(UniqueViolation):
        await database.execute(
            text(
                "INSERT INTO coatcheck_keys (key_id, purpose, serial, algorithm, wrapped, created_at, revision) "
                "SELECT key_id, purpose, 99, algorithm, wrapped, created_at, revision FROM coatcheck_keys "
                f"WHERE key_id = '{key_id}'"
            )
        )
