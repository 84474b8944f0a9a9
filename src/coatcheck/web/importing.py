"""An application by its name, `module:app`, as uvicorn takes it."""

import sys
from pathlib import Path
from traceback import extract_tb
from typing import Any

from uvicorn.importer import ImportFromStringError, import_from_string

from coatcheck.problems import StartRefused

LIBRARY = Path(__file__).parent.parent


def import_application(target: str) -> Any:
    """What is called `module:app`, found from the working directory; `app` may be left out.

    Raises StartRefused: there is none, or the module raises something. That is told by its type and
    place only: its text may hold a password.
    """
    module, _, name = target.partition(":")
    if module.startswith("."):
        raise StartRefused(f"There is no application {target} here: a module's name is no path. Write module:app.")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        return import_from_string(f"{module}:{name or 'app'}")
    except ImportFromStringError as error:
        raise StartRefused(f"There is no application {target} here. {error} Write module:app.") from None
    except Exception as error:
        if isinstance(error, ModuleNotFoundError) and module.startswith(f"{error.name}."):
            raise StartRefused(
                f"There is no application {target} here, nor a package {error.name}. Write module:app."
            ) from None
        raise StartRefused(
            f"{target} cannot be loaded: {type(error).__name__} at {_place_of(error)}. "
            f'To see the whole: python -c "import {module}"'
        ) from None


def _place_of(error: Exception) -> str:
    """File and line of a fault: where the last code was that is the application's own, not a library's."""
    here = Path.cwd()
    places = [(Path(frame.filename), frame.lineno or 0) for frame in extract_tb(error.__traceback__)]
    if isinstance(error, SyntaxError) and error.filename:
        places.append((Path(error.filename), error.lineno or 0))
    own = [(file, line) for file, line in places if file.is_relative_to(here) and not _is_a_librarys(file)]
    file, line = (own or places)[-1]
    return f"{file.relative_to(here) if own else file}:{line}"


def _is_a_librarys(file: Path) -> bool:
    return "site-packages" in file.parts or file.is_relative_to(LIBRARY)
