"""However many keys there are, and whichever of them cannot be opened: each other one is known."""

from datetime import UTC, datetime

from coatcheck.database import Database
from coatcheck.keys import HASHING, Keyring, Secret, Secrets, statements
from coatcheck.keys.change import Change
from tests.keys.conftest import Open, only
from tests.support.clock import Clock


async def test_however_many_keys_there_are_each_is_known_and_wrapped(
    database: Database, keyring: Keyring, another: Open, secret: Secret, clock: Clock
) -> None:
    """Somebody's timer makes a key every half hour: the oldest rows are those of stored values."""
    hashing = keyring.data_key(HASHING)
    now = datetime.fromtimestamp(clock(), UTC)
    async with database.transaction() as tx:
        change = await Change.begin(tx, Secrets(secret), now)
        for _ in range(1_100):
            await change.add_signing("EdDSA")
        await change.end()
    new = Secret(Secret.new_text())
    both = await another(Secrets(new, secret))
    assert both.data_key(HASHING) == hashing
    await both.rotate(now=True)
    assert await both.wrap_all(new) == 1_108
    alone = await another(Secrets(new))
    assert (len(alone.listed()), alone.data_key(HASHING)) == (1_103, hashing)


async def test_a_key_that_does_not_open_hides_none_that_comes_after_it(
    database: Database, keyring: Keyring, another: Open, secret: Secret, clock: Clock
) -> None:
    """It may be of a newer version's kind, or under another secret; the next one is not, and tokens of it come."""
    ignorant = await another()
    new, now = Secret(Secret.new_text()), datetime.fromtimestamp(clock(), UTC)
    both = await another(Secrets(new, secret))
    await both.rotate(now=True)
    foreign = only(both, "next")
    await both.rotate(now=True)
    later = only(both, "next")
    (row,) = [row for row in await database.all(statements.ALL) if row.key_id == foreign]
    _, key = Secrets(secret).opener(row)
    wrapped = new.wrap(key, purpose=row.purpose, key_id=row.key_id, algorithm=row.algorithm)
    async with database.transaction() as tx:
        change = await Change.begin(tx, Secrets(secret), now)
        await tx.execute(statements.WRAP, {"moved": foreign, "wrapped": wrapped, "revision": change.revision})
    ignorant.told(-1)
    await ignorant.fresh()
    assert foreign not in ignorant.signing
    assert later in ignorant.signing
