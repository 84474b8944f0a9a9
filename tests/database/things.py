"""Tables and statements of these tests: a parent and what hangs on it, and one row of every portable type."""

import sqlite3

import psycopg
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    bindparam,
    create_engine,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.pool import NullPool

from coatcheck.database import ID, MOMENT
from coatcheck.database.url import sqlite_path

METADATA = MetaData()

parents = Table(
    "parents",
    METADATA,
    Column("id", ID, Identity(), primary_key=True),
    Column("name", String(50), nullable=False, unique=True),
    Column("version", Integer, nullable=False, server_default="0"),
    sqlite_autoincrement=True,
)
children = Table(
    "children",
    METADATA,
    Column("id", ID, Identity(), primary_key=True),
    Column("parent_id", ID, ForeignKey(parents.c.id, ondelete="CASCADE"), nullable=False),
    sqlite_autoincrement=True,
)
keepers = Table(
    "keepers",
    METADATA,
    Column("id", ID, Identity(), primary_key=True),
    Column("parent_id", ID, ForeignKey(parents.c.id, ondelete="RESTRICT"), nullable=False),
    sqlite_autoincrement=True,
)
kinds = Table(
    "kinds",
    METADATA,
    Column("id", ID, Identity(), primary_key=True),
    Column("whole", BigInteger),
    Column("words", Text),
    Column("raw", LargeBinary),
    Column("yes", Boolean),
    Column("moment", MOMENT),
    sqlite_autoincrement=True,
)

ADD = insert(parents).values(name=bindparam("name")).returning(parents.c.id)
ADD_QUIETLY = insert(parents).values(name=bindparam("name"))
ADD_WITH_ID = insert(parents).values(id=bindparam("new_id"), name=bindparam("name"))
ADD_OR_ROLL_BACK = ADD_QUIETLY.prefix_with("OR ROLLBACK")
GET = select(parents.c.id, parents.c.name, parents.c.version).where(parents.c.name == bindparam("wanted"))
NAMES = select(parents.c.name).order_by(parents.c.name)
COUNT = select(func.count().label("number")).select_from(parents)
RENAME = update(parents).where(parents.c.name == bindparam("wanted")).values(name=bindparam("new_name"))
NEXT_VERSION = (
    update(parents)
    .where(parents.c.name == bindparam("wanted"), parents.c.version == bindparam("seen"))
    .values(version=parents.c.version + 1)
    .returning(parents.c.version)
)
DELETE = delete(parents).where(parents.c.name == bindparam("wanted"))
ADD_CHILD = insert(children).values(parent_id=bindparam("parent"))
CHILDREN = select(children.c.id).order_by(children.c.id)
ADD_KEEPER = insert(keepers).values(parent_id=bindparam("parent"))
COLUMNS = ("whole", "words", "raw", "yes", "moment")
ADD_KIND = insert(kinds).values({name: bindparam(name) for name in COLUMNS}).returning(kinds.c.id)
KIND = select(*(kinds.c[name] for name in COLUMNS)).where(kinds.c.id == bindparam("wanted"))
EARLIER = select(kinds.c.id).where(kinds.c.moment < bindparam("than")).order_by(kinds.c.moment)


def make_tables(url: str) -> None:
    """Make them in an empty database, past our own code."""
    path = sqlite_path(url)
    engine = (
        create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url), poolclass=NullPool)
        if path is None
        else create_engine("sqlite://", creator=lambda: sqlite3.connect(path), poolclass=NullPool)
    )
    METADATA.create_all(engine)
    engine.dispose()


def kind(**values: object) -> dict[str, object]:
    """The values of a row of every type, NULL where nothing is given."""
    return dict.fromkeys(COLUMNS, None) | values
