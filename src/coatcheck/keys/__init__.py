"""The secret, and the keys it wraps.

The secret from the settings is never used on data: through HKDF (RFC 5869), one label a purpose, it
wraps random data keys (AES-256-GCM), which are rows. So the secret can be changed by re-wrapping a
few rows, a dump without it is worthless, and a start can tell whether secret and database belong
together.

Table: coatcheck_keys. What can happen here: StartRefused, when secret and database do not match.
"""

from coatcheck.keys.keys import check, exist, load_signing_keys
from coatcheck.keys.secret import Secret, close_folder

__all__ = ["Secret", "check", "close_folder", "exist", "load_signing_keys"]
