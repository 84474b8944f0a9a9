"""Where the database of a contract test is, and how one connects to it there."""

from dataclasses import dataclass

from psycopg.conninfo import conninfo_to_dict

from coatcheck.database import Database


@dataclass(frozen=True)
class Address:
    """An empty database with the tables of things.py."""

    url: str
    direct_url: str | None = None  # past the pooler, where there is one
    prepare: bool = True

    def database(self) -> Database:
        """A `Database` that nobody has opened."""
        return Database(self.url, listen_url=self.direct_url, prepare=self.prepare)

    @property
    def sqlite(self) -> bool:
        """Which engine."""
        return self.url.startswith("sqlite:")

    @property
    def name(self) -> str:
        """The name of a PostgreSQL database."""
        return str(conninfo_to_dict(self.url)["dbname"])

    @property
    def plain(self) -> str:
        """What an `Onlooker` takes: a path or a direct URL."""
        return self.url.removeprefix("sqlite:///") if self.sqlite else self.direct_url or self.url
