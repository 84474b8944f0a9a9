"""Accounts: who exists. Registering, finding, replacing a password, disabling.

A username is compared in the form of RFC 8265's UsernameCaseMapped and shown as typed; a unique
constraint on that form decides who was first. The id, not the name, is the identity, and an id is
never given twice.

Table: coatcheck_accounts. What can happen here: UsernameTaken (400), RegistrationClosed (403),
Invalid (422).
"""

from coatcheck.accounts.accounts import LARGEST_ID, Account, Accounts, RegistrationClosed, UsernameTaken, account_of
from coatcheck.accounts.newcomers import Newcomer
from coatcheck.accounts.statements import MOST_AT_ONCE
from coatcheck.accounts.tables import account_id
from coatcheck.accounts.username import counted_as, mapped

__all__ = [
    "LARGEST_ID",
    "MOST_AT_ONCE",
    "Account",
    "Accounts",
    "Newcomer",
    "RegistrationClosed",
    "UsernameTaken",
    "account_id",
    "account_of",
    "counted_as",
    "mapped",
]
