"""The SQL of the own account."""

from sqlalchemy import bindparam, delete, select

from coatcheck.accounts.tables import accounts

# First, so that what others do to the account meanwhile is seen: a statement that waited for a row
# looks at that row again, but at other tables as they were when it began.
LOCK = select(accounts.c.id).where(accounts.c.id == bindparam("account_id")).with_for_update()

# The application's rows go with it (ON DELETE CASCADE).
DELETE = delete(accounts).where(accounts.c.id == bindparam("account_id"))
