"""`Coatcheck`: the composition root. Builds the rooms from plain values and mounts their routes."""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI
from pydantic import SecretStr

from coatcheck import keys, web
from coatcheck.accounts import LARGEST_ID, Account, Accounts
from coatcheck.accounts import routes as account_routes
from coatcheck.admin import Users, make_fit
from coatcheck.database import Database
from coatcheck.database.migrate import Migrations, named
from coatcheck.database.url import shown, sqlite_path, sqlite_url
from coatcheck.health import routes as health_routes
from coatcheck.keys import routes as key_routes
from coatcheck.login import Login
from coatcheck.login import routes as login_routes
from coatcheck.me import Me
from coatcheck.me import routes as me_routes
from coatcheck.passwords import Passwords, Policy, product_names
from coatcheck.problems import NotStarted, Problem, StartRefused, Unavailable
from coatcheck.sessions import (
    CurrentUser,
    OptionalUser,
    PageSessions,
    Sessions,
    User,
    current_user,
    optional_user,
)
from coatcheck.sessions import routes as session_routes
from coatcheck.settings import Settings
from coatcheck.throttle import Throttle

OWN_HISTORY = "coatcheck.migrations"
OPENING_POLL_SECONDS = 0.01
LOGGER = logging.getLogger("coatcheck")
GUARDS: tuple[object, ...] = (CurrentUser, OptionalUser, User, current_user, optional_user)


class Coatcheck:
    """User accounts for a FastAPI app: registration, login, bearer tokens, protected routes.

    app: yours; its lifespan, middleware, handlers and docs stay as they are. settings: read from the
    environment and `.env` unless given. prefix: where the routes go. migrations: packages of Alembic
    files for the application's own tables. health: add `/health` and `/ready`. clock: seconds since
    1970, UTC; for tests that move it.
    Raises StartRefused with a sentence when it cannot start as it is set up.
    """

    def __init__(
        self,
        app: FastAPI,
        settings: Settings | None = None,
        *,
        prefix: str = "/auth",
        migrations: Sequence[str] = (),
        health: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if isinstance(getattr(app.state, "coatcheck", None), Coatcheck):
            raise StartRefused("Coatcheck(app) was called twice on this application; keep one of the two.")
        web.check_prefix(prefix)
        self.settings = settings or Settings.read()
        self.settings.refuse_unsafe()
        self.database = Database(
            self.settings.absolute_database_url,
            listen_url=self.settings.database_listen_url,
            prepare=self.settings.database_prepare,
        )
        self.migrations = Migrations(self.database.url, [OWN_HISTORY, *named(migrations)])
        self.site = web.Site(
            local=self.settings.local,
            issuer=self.settings.issuer,
            allowed_origins=self.settings.allowed_origins,
        )
        self.cookies = web.Cookies(self.site)
        self.proxies = web.Proxies(self.settings.trusted_proxies)
        self._clock = clock
        self._opening = threading.Lock()
        self._is_open = False
        self._build(app.title)
        self._mount(app, prefix, health=health)

    def _build(self, title: str) -> None:
        """The rooms, each handed what it needs."""
        settings, database, clock = self.settings, self.database, self._clock
        self.secrets = keys.Source(
            text=_text(settings.secret),
            file=None if settings.secret_file is None else settings.directory / settings.secret_file,
            previous=_text(settings.secret_previous),
            own_file=settings.data / "secret",
        )
        self.keyring = keys.Keyring(
            database, clock=clock, algorithm=settings.signing_algorithm, key_days=settings.signing_key_days
        )
        self.sessions = Sessions(
            database,
            keys=self.keyring,
            issuer=settings.issuer,
            audience=settings.token_audience,
            access_token_seconds=settings.access_token_seconds,
            refresh_token_seconds=settings.refresh_token_seconds,
            clock=clock,
        )
        self.passwords = Passwords(
            settings.password_cost,
            Policy(settings.password_min_length, product_names(title, settings.issuer)),
            peppers=keys.DataKeys(self.keyring, keys.PEPPER, self.sessions.revocations.catch_up),
            seals=keys.DataKeys(self.keyring, keys.SEAL, self.sessions.revocations.catch_up),
        )
        self.throttle = Throttle(
            database,
            newest_key=keys.DataKeys(self.keyring, keys.THROTTLE, self.sessions.revocations.catch_up).newest,
            clock=clock,
            on=settings.throttle,
        )
        open_to_all = settings.registration == "open"
        self.accounts = Accounts(database, self.passwords, self.throttle, clock=clock, open_to_all=open_to_all)
        self.pages = PageSessions(self.cookies, self.sessions.refresh)
        self.login = Login(database, self.accounts, self.passwords, self.sessions, self.throttle)
        self.me = Me(database, self.accounts, self.passwords, self.sessions, self.throttle, clock=clock)
        self.users = Users(database, self.accounts, self.passwords, self.sessions, self.throttle)

    def _mount(self, app: FastAPI, prefix: str, *, health: bool) -> None:
        """Routes, the one exception handler, the layer that carries Coatcheck, and the lifespan."""
        router = APIRouter(prefix=prefix, route_class=web.Route, dependency_overrides_provider=app)
        account_routes.add_routes(router, self.accounts, self.proxies)
        login_routes.add_routes(router, self.login, self.proxies)
        session_routes.add_routes(router, self.sessions, self.pages, self.throttle, self.proxies)
        me_routes.add_routes(router, self.me, self.pages, self.proxies)
        if health:
            health_routes.add_routes(router, self.database, self.sessions)
        # Not include_router: a dependency that the host asks of all its routes would guard /login too,
        # and FastAPI looks through an included router twice for each request.
        fixed = APIRouter(route_class=web.Route, dependency_overrides_provider=app)  # no prefix moves these
        key_routes.add_routes(fixed, self.keyring, self.sessions.revocations.catch_up)
        own_routes = [*router.routes, *fixed.routes]
        app.router.routes.extend(own_routes)
        self._fit_in = partial(_fit_in, app, own_routes)
        if Problem not in app.exception_handlers:  # the host may have worded it already
            app.add_exception_handler(Problem, web.answer_problem)
        app.add_middleware(web.Carrying, coatcheck=self)
        if self.settings.allowed_origins:
            app.add_middleware(web.Cors, origins=self.settings.allowed_origins)
        app.state.coatcheck = self
        own = app.router.lifespan_context

        @asynccontextmanager
        async def lifespan(app: FastAPI) -> AsyncGenerator[Any, None]:
            try:
                await self.open()
                try:
                    self.sessions.start()
                    self.throttle.start()
                    async with own(app) as state:
                        self._fit_in()  # once more, for what its start has added
                        yield state
                finally:
                    await self.close()
            except StartRefused as refusal:
                raise NotStarted(refusal.sentence) from None

        app.router.lifespan_context = lifespan

    async def open(self) -> None:
        """Open the database, bring its schema up to date (local), load the keys. Raises StartRefused."""
        self._fit_in()
        await self._open_with(await self._unlock(), serves=True)

    async def _open_with(self, secrets: Callable[[], keys.Secrets], *, serves: bool = False) -> None:
        try:
            await keys.check_issuer(self.database, self.settings.issuer)
            await asyncio.to_thread(self._bring_up_to_date)
            await keys.keep_issuer(self.database, self.settings.issuer)
            await self.keyring.load(secrets, serves=serves)
        except BaseException:
            await self.database.close()
            raise
        self._is_open = True

    @asynccontextmanager
    async def opened(self, *, finish: bool = True) -> AsyncGenerator[None, None]:
        """Open for one command, then close. finish: a change of a program's own secret that was left unfinished.

        Raises StartRefused.
        """
        self._fit_in()
        await self._open_with(await self._unlock(finish=finish))
        try:
            yield
        finally:
            await self.close()

    async def close(self) -> None:
        """Finish what is under way, then let go of the database and the threads."""
        self._is_open = False
        try:
            self.passwords.close()
            await self.throttle.close()
            await self.sessions.close()
        finally:  # whatever the last round met
            await self.database.close()

    async def ensure_open(self) -> None:
        """Open once, where no lifespan did: in a mounted app, in a test over ASGI.

        Raises Unavailable, with the reason in the log: a StartRefused would end the running server.
        """
        while not self._is_open:
            # Not a lock of asyncio's: the next request may come in another event loop, or thread.
            if not self._opening.acquire(blocking=False):
                await asyncio.sleep(OPENING_POLL_SECONDS)
                continue
            try:
                if not self._is_open:
                    await self.open()
            except StartRefused as refusal:
                LOGGER.error("Coatcheck cannot start: %s", refusal.sentence)
                raise Unavailable from None
            finally:
                self._opening.release()

    async def create_account(self, username: str, password: str) -> Account:
        """A new account, also where registration is closed. Raises UsernameTaken, Invalid."""
        await self.ensure_open()
        return await self.accounts.create(username, password)

    async def find_account(self, username: str) -> Account | None:
        """The account of this name, or None."""
        await self.ensure_open()
        return await self.accounts.find(username)

    async def disable_account(self, user_id: int) -> bool:
        """Keep the account but let nobody in, and end its sessions, from the next request on. Whether it exists."""
        await self.ensure_open()
        return 0 < user_id <= LARGEST_ID and await self.users.disable(user_id)

    async def enable_account(self, user_id: int) -> bool:
        """Let a disabled account in again. Whether it exists."""
        await self.ensure_open()
        return 0 < user_id <= LARGEST_ID and await self.users.enable(user_id)

    async def end_sessions(self, user_id: int) -> None:
        """End every session of an account, from the next request on."""
        await self.ensure_open()
        if 0 < user_id <= LARGEST_ID:
            async with self.database.transaction() as tx:
                await self.sessions.end_all(tx, user_id)

    async def adopt_issuer(self) -> None:
        """Make the database's issuer the one of the settings; tokens that are out are refused from then on."""
        await self._unlock()
        try:
            await asyncio.to_thread(self._bring_up_to_date)
            await keys.adopt_issuer(self.database, self.settings.issuer)
        finally:
            await self.database.close()

    async def make_fit(self, copy: Path) -> None:
        """Bring a copy of another moment to where it can take this database's place. Raises StartRefused."""
        url = sqlite_url(copy)
        there = Coatcheck(FastAPI(), self.settings.model_copy(update={"database_url": url}), clock=self._clock)
        migrations = Migrations(url, self.migrations.packages)
        try:
            await make_fit(there.database, migrations, self.secrets.read, there.keyring, there.sessions)
        finally:
            await there.close()

    async def _unlock(self, *, finish: bool = True) -> Callable[[], keys.Secrets]:
        """Open the database and see that its keys open. Gives where the secrets are read again later.

        finish: a change of a local program's own secret. Raises StartRefused.
        """
        self.secrets.given()  # a malformed one is refused before anything is made
        if self.settings.local:
            keys.close_folder(self.settings.data)
        elif (path := sqlite_path(self.database.url)) is not None and not path.exists():
            raise StartRefused(f"There is no database {path}. Make it with: coatcheck migrate")
        await self.database.open()
        try:
            await self.secrets.unlock(self.database, finish=finish)
        except BaseException:
            await self.database.close()
            raise
        return self.secrets.read

    def _bring_up_to_date(self) -> None:
        if self.settings.local:
            self.migrations.upgrade()
        elif self.migrations.is_older():  # refuses a newer one
            raise StartRefused(
                f"The schema of {self.database} is older than this program. "
                "Run coatcheck migrate, with --app module:app if the application has tables of its own."
            )


def _text(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()


def _fit_in(app: FastAPI, own_routes: Sequence[Any]) -> None:
    """What can be told only when the host is whole. Raises StartRefused."""
    web.refuse_taken_paths(app, own_routes)
    web.refuse_unguarded(app, GUARDS)
    web.answer_problems_in_mounted_apps(app)


def application(settings: Settings) -> FastAPI:
    """Accounts alone, as a program of their own: what `coatcheck serve` runs without --app."""
    app = FastAPI(
        title="Accounts",
        description="Register, log in, then **Authorize** with the token.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
        openapi_tags=[{"name": name} for name in ("accounts", "sessions", "me", "keys", "health")],
    )
    Coatcheck(app, settings, prefix="", health=True)
    web.offline_docs(app, remember_token=settings.local)
    web.problem_details(app)
    web.request_log(app)
    return app


def serve(app: FastAPI, settings: Settings) -> None:
    """Run the app with uvicorn until SIGINT or SIGTERM, which end it within a second, exit code 0."""
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    data = shown(settings.absolute_database_url)
    title = getattr(app, "title", "Application")  # a layer around one has none
    web.run(
        app,
        host=settings.host,
        port=settings.port,
        first_line=f"{title}: http://{host}:{settings.port}/docs · data in {data} · Ctrl+C stops",
    )
