"""What a signed-in person does to the own account: look at it, change the password, delete it.

What can happen here: WrongOldPassword (400), AnotherAccount (403), LoginTooOld (401, RFC 9470), Invalid (422).
"""

from coatcheck.me.me import AnotherAccount, LoginTooOld, Me, WrongOldPassword

__all__ = ["AnotherAccount", "LoginTooOld", "Me", "WrongOldPassword"]
