"""The secret, and the keys it wraps.

The secret from the settings is never used on data: through HKDF (RFC 5869), one label a purpose, it
wraps random data keys (AES-256-GCM), which are rows. So the secret can be changed by re-wrapping a
few rows, a dump without it is worthless, and a start can tell whether secret and database belong
together.

Tables: coatcheck_keys, coatcheck_issuer. What can happen here: StartRefused, when the secret or the
issuer is not the database's.
"""

from coatcheck.keys.issuer import adopt_issuer, check_issuer, keep_issuer
from coatcheck.keys.keys import check, exist, load_signing_keys, own_secret
from coatcheck.keys.secret import Secret, close_folder

__all__ = [
    "Secret",
    "adopt_issuer",
    "check",
    "check_issuer",
    "close_folder",
    "exist",
    "keep_issuer",
    "load_signing_keys",
    "own_secret",
]
