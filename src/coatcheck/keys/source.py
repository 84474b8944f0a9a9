"""Where a program's secrets are: in its settings, or in a file that a local program keeps by itself."""

from pathlib import Path

from coatcheck.database import Database
from coatcheck.keys.check import check
from coatcheck.keys.keyring import Keyring
from coatcheck.keys.own_secret import own_secrets, read_own
from coatcheck.keys.secret import Secret
from coatcheck.keys.secret_change import change_given, change_own
from coatcheck.keys.secrets import Secrets


class Source:
    """The secrets of one program, read anew each time: a file may hold another by then.

    text, file: the one of the settings, in one of two ways. previous: also tried while it is being changed.
    own_file: where a local program that is given none keeps its own.
    """

    def __init__(self, *, text: str | None, file: Path | None, previous: str | None, own_file: Path) -> None:
        self._text = text
        self._file = file
        self._previous = previous
        self._own_file = own_file

    def given(self) -> Secrets | None:
        """Those of the settings, if there are any. Raises StartRefused: malformed."""
        if self._text is not None:
            current = Secret(self._text)
        elif self._file is not None:
            current = Secret.read(self._file)
        else:
            return None
        if self._previous is None:
            return Secrets(current)
        return Secrets(current, Secret(self._previous, "COATCHECK_SECRET_PREVIOUS"))

    def read(self) -> Secrets:
        """Those of the settings, else those of the file. Raises StartRefused."""
        return self.given() or read_own(self._own_file)

    async def unlock(self, database: Database, *, finish: bool = True) -> None:
        """See that they open every key of the database; a local program's own is made where there is none.

        finish: a change of the own one that was left unfinished. Raises StartRefused.
        """
        secrets = self.given() or await own_secrets(database, self._own_file, finish=finish)
        await check(database, secrets)

    async def change(self, keyring: Keyring, database: Database) -> int | None:
        """Wrap every key under the new one. How many were not yet; None for a program's own file.

        Raises StartRefused.
        """
        if (given := self.given()) is not None:
            return await change_given(keyring, given)
        await change_own(keyring, database, self._own_file)
        return None
