"""What an operator does to others' accounts: list, create, set a password, disable, enable, delete.

It ends sessions, so it lives above them. So far from the command line (`coatcheck users`).

Tables: none of its own. What can happen here: UsernameTaken (400), Conflict, ForeignKeyViolation (409),
Invalid (422).
"""

from coatcheck.admin.users import Users

__all__ = ["Users"]
