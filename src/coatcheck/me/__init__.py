"""What a signed-in person does to the own account: look at it, change the password, delete it.

What can happen here: WrongOldPassword (400), LoginTooOld (401, RFC 9470), Invalid (422).
"""

from coatcheck.me.me import LoginTooOld, Me, WrongOldPassword

__all__ = ["LoginTooOld", "Me", "WrongOldPassword"]
