"""The SQL of the own account."""

from sqlalchemy import bindparam, delete, exists, select

from coatcheck.accounts.tables import accounts
from coatcheck.sessions.tables import sessions

# First, so that what others do to the account meanwhile is seen: a statement that waited for a row
# looks at that row again, but at other tables as they were when it began.
LOCK = select(accounts.c.id).where(accounts.c.id == bindparam("account_id")).with_for_update()

# Sessions and the application's rows go with it (ON DELETE CASCADE). A session that has ended in
# the meantime deletes nothing.
DELETE = delete(accounts).where(
    accounts.c.id == bindparam("account_id"),
    accounts.c.disabled_at.is_(None),
    exists().where(sessions.c.id == bindparam("session_id"), sessions.c.account_id == accounts.c.id),
)
