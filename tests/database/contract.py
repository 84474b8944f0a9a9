"""The contract that both engines pass, one class; test_sqlite.py and test_postgresql.py inherit it."""

from tests.database.contract_changes import ChangesContract
from tests.database.contract_loops import LoopsContract
from tests.database.contract_transactions import TransactionsContract
from tests.database.contract_values import ValuesContract


class DatabaseContract(ValuesContract, TransactionsContract, LoopsContract, ChangesContract):
    """A subclass says at which `address` the empty database is, with the tables of things.py."""
