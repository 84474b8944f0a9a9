"""Every setting once: name, default, unit, meaning.

Read by `app.py`, `coatcheck.py` and `cli.py` only; the rooms take plain values.
"""

import os
from collections.abc import Iterable
from difflib import SequenceMatcher
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from coatcheck.database.url import absolute
from coatcheck.passwords import OWASP_ARGON2ID, Cost
from coatcheck.problems import StartRefused

PREFIX = "COATCHECK_"


class Settings(BaseSettings):
    """The settings: keyword arguments, else environment variables COATCHECK_…, else a `.env` file.

    `Settings.read(directory)` does so for a program and refuses to start with a sentence.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    environment: Literal["local", "production"] = Field(
        default="local",
        description="local: this machine only, makes its own secret. production: asks for one.",
    )
    database_url: str = Field(
        default="sqlite:///data/coatcheck.db",
        description="sqlite:///file or postgresql://user:password@host/name.",
    )
    database_listen_url: str | None = Field(
        default=None, description="A direct connection, where the other goes through a pooler."
    )
    database_prepare: bool = Field(
        default=True,
        description="Prepared statements on PostgreSQL; false behind PgBouncer before 1.21 in transaction mode.",
    )
    secret: SecretStr | None = Field(
        default=None, description="base64url or hex of 32 random bytes or more: coatcheck secret new."
    )
    secret_file: Path | None = Field(default=None, description="A file that holds the secret, instead of it.")
    host: str = Field(default="127.0.0.1", description="Where app.py and coatcheck serve listen.")
    port: int = Field(default=8000, ge=1, le=65_535, description="The port there.")
    issuer: str = Field(default="http://127.0.0.1:8000", description="iss of tokens; https in production.")
    audience: str | None = Field(default=None, description="aud of tokens; the issuer unless set.")
    registration: Literal["open", "closed"] = Field(
        default="open", description="closed: POST /register is refused; only the operator makes accounts."
    )
    access_token_seconds: int = Field(default=1_800, ge=1, le=86_400, description="How long a token is good for.")
    password_min_length: int = Field(
        default=8, ge=8, le=1_024, description="NIST asks 15 when a password is the only factor."
    )
    argon2_memory_kib: int = Field(default=19_456, ge=8, description="Memory for one password hash, in KiB.")
    argon2_time_cost: int = Field(default=2, ge=1, description="Passes over it.")
    argon2_parallelism: int = Field(default=1, ge=1, le=64, description="Lanes.")
    allowed_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        default=(), description="Origins whose pages may call, separated by commas: https://app.example."
    )
    directory: Path = Field(default_factory=Path.cwd, exclude=True, description="What relative paths count from.")

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("allowed_origins", mode="after")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            _require_origin(origin)
        return value

    @field_validator("issuer", mode="after")
    @classmethod
    def _is_origin(cls, value: str) -> str:
        return _require_origin(value)

    @classmethod
    def read(cls, directory: Path | None = None, **values: Any) -> "Settings":
        """The settings of a program whose `.env` and relative paths are in `directory`.

        directory: the working directory unless given. Raises StartRefused: one sentence per start,
        without the value, which may be a secret.
        """
        place = directory or Path.cwd()
        _refuse_unknown({*os.environ, *dotenv_values(place / ".env")})
        try:
            return cls(_env_file=place / ".env", directory=place, **values)  # type: ignore[call-arg]
        except ValidationError as error:
            mistake = error.errors(include_url=False, include_input=False, include_context=False)[0]
            name = f"{PREFIX}{str(mistake['loc'][0]).upper()}"
            raise StartRefused(f"{name} is not usable: {mistake['msg']}.") from None

    def refuse_unsafe(self) -> None:
        """Raises StartRefused for what `production` must not run with."""
        if self.secret is not None and self.secret_file is not None:
            raise StartRefused("Set COATCHECK_SECRET or COATCHECK_SECRET_FILE, not both.")
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


def _require_origin(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.path or parts.query or parts.fragment:
        raise ValueError("write scheme and host, such as https://api.example.org, with nothing after them")
    return value


def _refuse_unknown(environment: Iterable[str]) -> None:
    known = {f"{PREFIX}{name.upper()}" for name in Settings.model_fields if name != "directory"}
    for name in environment:
        if name.startswith(PREFIX) and name not in known:
            nearest = max(known, key=lambda other: SequenceMatcher(None, name, other).ratio())
            raise StartRefused(f"There is no setting {name}. The nearest is {nearest}.")
