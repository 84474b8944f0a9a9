"""What an operator does to others' accounts: list, create, set a password, disable, enable, delete; and to
all of them at once, after a restore.

It ends sessions, so it lives above them. So far from the command line (`coatcheck users`).

Tables: none of its own. What can happen here: UsernameTaken (400), Conflict, ForeignKeyViolation (409),
Invalid (422).
"""

from coatcheck.admin.after_restore import begin_anew, make_fit
from coatcheck.admin.users import Users

__all__ = ["Users", "begin_anew", "make_fit"]
