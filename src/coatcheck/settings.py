"""Every setting once: name, default, unit, meaning.

Read by `app.py`, `coatcheck.py` and `cli.py` only; the rooms take plain values.
"""

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from ipaddress import IPv6Network, ip_network
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from dotenv.parser import parse_stream
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from coatcheck.database.url import absolute, shown
from coatcheck.passwords import OWASP_ARGON2ID, Cost
from coatcheck.problems import StartRefused

PREFIX = "COATCHECK_"
MOST_MEMORY_KIB = 4 * 1024 * 1024  # argon2 takes 4 TiB; what is meant in bytes ends here
KIB_PER_LANE = 8  # RFC 9106 section 3.1
MASK = "********"
Source = Literal["default", "environment", ".env", "application"]
NAME = re.compile(r"\w{1,40}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Described:
    """One setting as it stands, for people: secrets and a URL's password are masked.

    source: default, environment, .env, or application (given by the program that was named).
    """

    name: str
    value: str | int | bool | list[str] | None
    default: str | int | bool | list[str] | None
    source: Source
    meaning: str


class Settings(BaseSettings):
    """The settings: keyword arguments, else environment variables COATCHECK_…, else a `.env` file.

    `Settings.read(directory)` does so for a program and refuses to start with a sentence.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,  # the input may be the secret
    )

    environment: Literal["local", "production"] = Field(
        default="local",
        description="local: this machine only, makes its own secret. production: asks for one.",
    )
    database_url: str = Field(
        default="sqlite:///data/coatcheck.db",
        description="sqlite:///file or postgresql://user:password@host/name.",
        repr=False,
    )
    database_listen_url: str | None = Field(
        default=None, description="A direct connection, where the other goes through a pooler.", repr=False
    )
    database_prepare: bool = Field(
        default=True,
        description="Prepared statements on PostgreSQL; false behind PgBouncer before 1.21 in transaction mode.",
    )
    secret: SecretStr | None = Field(
        default=None, description="base64url or hex of 32 random bytes or more: coatcheck secret new."
    )
    secret_file: Path | None = Field(default=None, description="A file that holds the secret, instead of it.")
    secret_previous: SecretStr | None = Field(
        default=None, description="The old secret, also tried while the secret is being changed."
    )
    host: str = Field(default="127.0.0.1", description="Where app.py and coatcheck serve listen.")
    port: int = Field(default=8000, ge=1, le=65_535, description="The port there.")
    issuer: str = Field(default="http://127.0.0.1:8000", description="iss of tokens; https in production.")
    audience: str | None = Field(default=None, description="aud of tokens; the issuer unless set.")
    registration: Literal["open", "closed"] = Field(
        default="open", description="closed: POST /register is refused; only the operator makes accounts."
    )
    trusted_proxies: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(),
        description="Proxies whose X-Forwarded-For is believed, separated by commas: 127.0.0.1, 10.0.0.0/8.",
    )
    access_token_seconds: int = Field(default=1_800, ge=1, le=86_400, description="How long a token is good for.")
    signing_algorithm: Literal["EdDSA", "ES256"] = Field(
        default="EdDSA", description="What new signing keys sign with: EdDSA or ES256."
    )
    signing_key_days: int = Field(
        default=30, ge=1, le=365, description="How many days a key signs before the next takes its place."
    )
    refresh_token_seconds: int = Field(
        default=2_592_000,
        ge=60,
        le=31_536_000,
        description="How long a refresh token is good for unless used; after three times that a login is needed.",
    )
    password_min_length: int = Field(
        default=8, ge=8, le=1_024, description="NIST asks 15 when a password is the only factor."
    )
    argon2_memory_kib: int = Field(
        default=19_456, ge=8, le=MOST_MEMORY_KIB, description="Memory for one password hash, in KiB."
    )
    argon2_time_cost: int = Field(default=2, ge=1, le=1_000, description="Passes over it.")
    argon2_parallelism: int = Field(default=1, ge=1, le=64, description="Lanes.")
    throttle: bool = Field(
        default=True, description="Guessing limits on login, registration, password change and refresh."
    )
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Origins whose pages may call, separated by commas: https://app.example."
    )
    directory: Path = Field(default_factory=Path.cwd, exclude=True, description="What relative paths count from.")

    @field_validator("allowed_origins", "trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("allowed_origins", mode="after")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_as_browsers_send_it(_require_origin(origin)) for origin in value)

    @field_validator("trusted_proxies", mode="after")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(_require_network, value))

    @field_validator("argon2_parallelism", mode="after")
    @classmethod
    def _has_memory(cls, value: int, info: ValidationInfo) -> int:
        if info.data.get("argon2_memory_kib", MOST_MEMORY_KIB) < value * KIB_PER_LANE:
            raise ValueError(f"each lane needs {KIB_PER_LANE} KiB of memory")
        return value

    @field_validator("issuer", mode="after")
    @classmethod
    def _is_origin(cls, value: str) -> str:
        return _require_origin(value)

    if not TYPE_CHECKING:  # a type checker knows the names

        def __init__(self, **values: Any) -> None:
            """Raises TypeError: an unknown keyword, which would be a setting that has no effect."""
            unknown = {name for name in values if not name.startswith("_")} - set(type(self).model_fields)
            if unknown:
                raise TypeError(f"Settings has no {', '.join(sorted(unknown))}")
            super().__init__(**values)

    @classmethod
    def read(cls, directory: Path | None = None, **values: Any) -> "Settings":
        """The settings of a program whose `.env` and relative paths are in `directory`.

        directory: the working directory unless given. Raises StartRefused: one sentence per start,
        without the value, which may be a secret.
        """
        place = directory or Path.cwd()
        try:
            _refuse_half_lines(place / ".env")
            _refuse_unknown({*os.environ, *dotenv_values(place / ".env")})
            return cls(_env_file=place / ".env", directory=place, **values)  # type: ignore[call-arg]
        except ValidationError as error:
            mistake = error.errors(include_url=False, include_input=False, include_context=False)[0]
            raise StartRefused(f"{_name(str(mistake['loc'][0]))} is not usable: {mistake['msg']}.") from None
        except (OSError, UnicodeDecodeError):
            raise StartRefused(f"The file {place / '.env'} cannot be read as UTF-8 text.") from None

    def refuse_unsafe(self) -> None:
        """Raises StartRefused for what `production` must not run with."""
        if self.secret is not None and self.secret_file is not None:
            raise StartRefused("Set COATCHECK_SECRET or COATCHECK_SECRET_FILE, not both.")
        if self.secret_previous is not None and self.secret is None and self.secret_file is None:
            raise StartRefused(
                "COATCHECK_SECRET_PREVIOUS is the old secret. Set the new one too, in COATCHECK_SECRET or "
                "COATCHECK_SECRET_FILE."
            )
        if self.local:
            return
        if self.secret is None and self.secret_file is None:
            raise StartRefused(
                "In production set COATCHECK_SECRET or COATCHECK_SECRET_FILE. Make one with: coatcheck secret new"
            )
        if not self.issuer.startswith("https://"):
            raise StartRefused("In production COATCHECK_ISSUER must be this service's https address.")
        if self.password_cost.below(OWASP_ARGON2ID):
            raise StartRefused(
                "In production password hashes may not cost less than OWASP's minimum: "
                "COATCHECK_ARGON2_MEMORY_KIB=19456 and COATCHECK_ARGON2_TIME_COST=2."
            )

    @property
    def password_cost(self) -> Cost:
        """What one password hash costs."""
        return Cost(self.argon2_memory_kib, self.argon2_time_cost, self.argon2_parallelism)

    @property
    def data(self) -> Path:
        """Where a local program keeps what it makes by itself."""
        return self.directory.absolute() / "data"

    @property
    def absolute_database_url(self) -> str:
        """The database URL with its path counted from `directory`."""
        return absolute(self.database_url, self.directory)

    @property
    def local(self) -> bool:
        """Whether this is for one's own machine only."""
        return self.environment == "local"

    @property
    def token_audience(self) -> str:
        """`aud` of tokens."""
        return self.audience or self.issuer

    def described(self) -> Iterator[Described]:
        """Every setting in the order of the manual."""
        try:
            outside: Settings | None = Settings.read(self.directory)
        except StartRefused:  # what is wrong outside, the program has set itself
            outside = None
        for field, info in _fields():
            value = self.absolute_database_url if field == "database_url" else getattr(self, field)
            source = self._source_of(field, outside)
            yield Described(
                _name(field), _for_people(field, value), _plain(info.default), source, str(info.description)
            )

    def _source_of(self, field: str, outside: "Settings | None") -> Source:
        """Where a value is from. outside: what environment and `.env` alone would give."""
        if field not in self.model_fields_set:
            return "default"
        if outside is None or getattr(outside, field) != getattr(self, field):
            return "application"
        in_environment = {name.upper() for name, value in os.environ.items() if value}
        return "environment" if _name(field) in in_environment else ".env"


def _fields() -> Iterator[tuple[str, FieldInfo]]:
    """Every setting; which folder the settings are of is none."""
    return ((field, info) for field, info in Settings.model_fields.items() if field != "directory")


def _name(field: str) -> str:
    return f"{PREFIX}{field.upper()}"


def _for_people(field: str, value: Any) -> str | int | bool | list[str] | None:
    if isinstance(value, SecretStr):
        return MASK
    return shown(value) if value is not None and field.endswith("_url") else _plain(value)


def _plain(value: Any) -> str | int | bool | list[str] | None:
    if isinstance(value, tuple):
        return list(map(str, value))  # pyright: ignore[reportUnknownArgumentType]
    return value if value is None or isinstance(value, int) else str(value)


def _require_origin(value: str) -> str:
    parts = urlsplit(value)
    try:
        whole = bool(parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0)
    except ValueError:  # a port that is none
        whole = False
    if not whole or parts.path or parts.query or parts.fragment or parts.username:
        raise ValueError("write scheme and host, such as https://api.example.org, with nothing after them")
    return value


def _require_network(value: str) -> str:
    try:
        network = ip_network(value)
    except ValueError:
        network = None
    if network is None or (isinstance(network, IPv6Network) and network.network_address.ipv4_mapped is not None):
        raise ValueError("write addresses, or networks by their first address and size, such as 10.0.0.0/8")
    if network.prefixlen == 0:
        raise ValueError("that is everybody, and anybody could then write any address; name your own proxies")
    return value


def _as_browsers_send_it(origin: str) -> str:
    """Lower case, without the scheme's own port (RFC 6454 section 6.2)."""
    usual = {"http": ":80", "https": ":443"}[urlsplit(origin.lower()).scheme]
    return origin.lower().removesuffix(usual)


def _refuse_unknown(environment: Iterable[str]) -> None:
    known = {_name(field) for field, _ in _fields()}
    for name in environment:
        # Names are read in any case, so they are checked in any case.
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            nearest = max(known, key=lambda other: SequenceMatcher(None, name.upper(), other).ratio())
            # A forgotten = makes the value, a password perhaps, a part of the name.
            glued = not NAME.fullmatch(name) or any(name.upper().startswith(other) for other in known)
            told = f"{nearest}…" if glued else name
            raise StartRefused(f"There is no setting {told}. The nearest is {nearest}.")


def _refuse_half_lines(file: Path) -> None:
    """Refuse a line of ours that sets nothing: with a forgotten = an intended production would start as local."""
    if not file.exists():
        return
    with file.open(encoding="utf-8") as text:
        for line in parse_stream(text):
            said = line.original.string.strip().removeprefix("export ").lstrip()
            if line.value is None and said.upper().startswith(PREFIX):
                raise StartRefused(f"Line {line.original.line} of {file} sets nothing. Write NAME=value.")


def example() -> str:
    """The text of `.env.example`: every setting, its default in a comment, and what it means."""
    lines = ["# Copy this to .env, take the # from a line and change it. docs/settings.md says more.", ""]
    for field, info in _fields():
        value = str(info.default).lower() if isinstance(info.default, bool) else info.default
        lines += [f"# {info.description}", f"#{_name(field)}={value or ''}", ""]
    return "\n".join(lines)
