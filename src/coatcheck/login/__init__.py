"""Getting in: find, verify, finish.

Every way in ends in `finish`, which opens a session for what was verified and nothing else.

What can happen here: WrongCredentials (401), the same for an unknown name, a wrong password and a
disabled account, after the same work.
"""

from coatcheck.login.password import Login, WrongCredentials

__all__ = ["Login", "WrongCredentials"]
