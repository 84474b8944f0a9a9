"""The secret, and the keys it wraps.

The secret from the settings is never used on data: through HKDF (RFC 5869), one label a purpose, it
wraps random data keys (AES-256-GCM), which are rows. So the secret can be changed by re-wrapping a
few rows, a dump without it is worthless, and a start can tell whether secret and database belong
together.

Signing keys come and go (`Keyring`): the next one is published before it signs, a retired one is
accepted until its last token has expired, a revoked one at once no more. Their public parts are at
`/.well-known/jwks.json` (RFC 7517), so other services check tokens with nothing else.

Tables: coatcheck_keys, coatcheck_issuer. What can happen here: StartRefused, when the secret or the
issuer is not the database's; Unavailable, when no key can be opened any more.
"""

from coatcheck.keys.change import CHANNEL, HASHING, NO_KEYS, PEPPER, SEAL, SUCCESSOR, THROTTLE
from coatcheck.keys.check import open_all
from coatcheck.keys.data_keys import DataKeys
from coatcheck.keys.files import close_folder
from coatcheck.keys.issuer import adopt_issuer, check_issuer, keep_issuer
from coatcheck.keys.keyring import DataKey, Keyring
from coatcheck.keys.secret import Secret
from coatcheck.keys.secrets import Secrets
from coatcheck.keys.source import Source

__all__ = [
    "CHANNEL",
    "HASHING",
    "NO_KEYS",
    "PEPPER",
    "SEAL",
    "SUCCESSOR",
    "THROTTLE",
    "DataKey",
    "DataKeys",
    "Keyring",
    "Secret",
    "Secrets",
    "Source",
    "adopt_issuer",
    "check_issuer",
    "close_folder",
    "keep_issuer",
    "open_all",
]
