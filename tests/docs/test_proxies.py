"""The manual's proxies before its application in production: the name passes, forged headers change nothing."""

import shutil
import ssl
import subprocess
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from coatcheck.keys import Secret
from tests.docs.pages import blocks
from tests.support.postgresql import free_port, wait_for_port
from tests.support.server import ROOT, clean_environment

FILES = {block.title: block.text for block in blocks(ROOT / "docs" / "deploy.md") if block.title}
NAME = "api.example.org"
ALICE = {"username": "alice", "password": "secret123"}
FORGED = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
START_SECONDS = 30
VISITOR = "127.0.0.2"  # the proxies call from 127.0.0.1
WHERE = """

@app.get("/where")
async def where(request: Request) -> str:
    return str(app.state.coatcheck.proxies.client(request).address)
"""
NGINX = """
daemon off;
master_process off;
pid {place}/nginx.pid;
error_log {place}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {place}/body;
    proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi;
    scgi_temp_path {place}/scgi;
    include {place}/coatcheck.conf;
}}
"""


def program(name: str) -> str:
    found = shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        pytest.skip(f"{name} is not installed; on Debian: apt-get install {name}")
    return found


@contextmanager
def running(command: list[str], folder: Path, port: int, **environment: str) -> Generator[None, None, None]:
    """A server in the foreground, until it listens and no longer than needed."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=clean_environment() | environment,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
        )
        try:
            wait_for_port(port, START_SECONDS)
            yield
        finally:
            process.terminate()
            process.wait(10)


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of the page's application, started in production as the page tells."""
    folder, port = tmp_path_factory.mktemp("application"), free_port()
    (folder / "main.py").write_text("from fastapi import Request\n" + FILES["main.py"] + WHERE)
    settings = {
        "COATCHECK_ENVIRONMENT": "production",
        "COATCHECK_ISSUER": f"https://{NAME}",
        "COATCHECK_SECRET": Secret.new_text(),
        "COATCHECK_DATABASE_URL": "sqlite:///app.db",
        "COATCHECK_TRUSTED_PROXIES": "127.0.0.1",
    }
    environment = clean_environment() | settings
    migrate = [sys.executable, "-m", "coatcheck", "migrate", "--app", "main:app"]
    subprocess.run(migrate, cwd=folder, env=environment, check=True, capture_output=True)
    command = [sys.executable, "-m", "uvicorn", "main:app", "--no-proxy-headers", "--no-access-log"]
    with running([*command, "--port", str(port)], folder, port, **settings):
        yield port


@pytest.fixture
def nginx(application: int, tmp_path: Path) -> Iterator[httpx2.Client]:
    """A client of the page's nginx."""
    port = free_port()
    certificate, key = self_signed(tmp_path)
    text = FILES["coatcheck.conf"]
    for ours, here in {
        "listen 443": f"listen 127.0.0.1:{port}",
        "127.0.0.1:8000": f"127.0.0.1:{application}",
        f"/etc/ssl/{NAME}.pem": str(certificate),
        f"/etc/ssl/{NAME}.key": str(key),
    }.items():
        assert ours in text
        text = text.replace(ours, here)
    (tmp_path / "coatcheck.conf").write_text(text)
    (tmp_path / "nginx.conf").write_text(NGINX.format(place=tmp_path))
    command = [program("nginx"), "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
    tried = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stderr
    trusted = ssl.create_default_context(cafile=certificate)
    trusted.check_hostname = False  # it is asked for by its address
    with (
        running(command, tmp_path, port),
        httpx2.Client(
            base_url=f"https://127.0.0.1:{port}", headers={"Host": NAME}, transport=from_visitor(trusted)
        ) as client,
    ):
        yield client


@pytest.fixture
def caddy(application: int, tmp_path: Path) -> Iterator[httpx2.Client]:
    """A client of the page's Caddy, on plain http: its certificate would have to come from the internet."""
    port = free_port()
    text = FILES["Caddyfile"]
    (tmp_path / "Caddyfile").write_text(
        "{\n\tadmin off\n\tauto_https off\n}\n"
        + text.replace(NAME, f"http://{NAME}:{port}").replace("127.0.0.1:8000", f"127.0.0.1:{application}")
    )
    (tmp_path / "as-printed").write_text(text)
    validate = [program("caddy"), "validate", "--adapter", "caddyfile", "--config", str(tmp_path / "as-printed")]
    home = {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path)}
    tried = subprocess.run(validate, env=clean_environment() | home, capture_output=True, text=True, check=False)
    assert tried.returncode == 0, tried.stderr
    run = [program("caddy"), "run", "--adapter", "caddyfile", "--config", str(tmp_path / "Caddyfile")]
    with (
        running(run, tmp_path, port, **home),
        httpx2.Client(
            base_url=f"http://127.0.0.1:{port}", headers={"Host": NAME}, transport=from_visitor()
        ) as client,
    ):
        yield client


def from_visitor(trusted: ssl.SSLContext | bool = True) -> httpx2.HTTPTransport:
    return httpx2.HTTPTransport(verify=trusted, local_address=VISITOR)


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate of the name, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / "certificate.pem", folder / "certificate.key"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    private.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return pem, private


@pytest.mark.parametrize("proxy", ["nginx", "caddy"])
def test_the_name_passes_and_what_a_client_forges_changes_nothing(proxy: str, request: pytest.FixtureRequest) -> None:
    client: httpx2.Client = request.getfixturevalue(proxy)
    assert client.get("/hello").status_code == 401
    assert client.get("/hello", headers=FORGED).status_code == 401
    person = ALICE | {"username": f"alice-of-{proxy}"}
    assert client.post("/auth/register", json=person).status_code == 201
    token = client.post("/auth/login", json=person, headers=FORGED).json()["access_token"]
    answer = client.get("/hello", headers={"Authorization": f"Bearer {token}", **FORGED})
    assert answer.text == f'"Hello {person["username"]}"'


@pytest.mark.parametrize("proxy", ["nginx", "caddy"])
@pytest.mark.parametrize(
    "forged", [{}, FORGED, {"X-Forwarded-For": "127.0.0.1, 127.0.0.1"}], ids=["", "one", "proxies"]
)
def test_the_address_is_the_visitors_own_whatever_it_says(
    proxy: str, forged: dict[str, str], request: pytest.FixtureRequest
) -> None:
    assert request.getfixturevalue(proxy).get("/where", headers=forged).json() == VISITOR


def test_who_is_no_proxy_is_believed_nothing(application: int) -> None:
    here = f"http://127.0.0.1:{application}/where"
    with httpx2.Client(transport=from_visitor(), headers={"Host": NAME}) as client:
        assert client.get(here, headers=FORGED).json() == VISITOR


@pytest.mark.parametrize("proxy", ["nginx", "caddy"])
def test_who_guesses_behind_a_proxy_is_stopped_and_the_others_go_on(
    proxy: str, request: pytest.FixtureRequest
) -> None:
    client: httpx2.Client = request.getfixturevalue(proxy)
    wrong = ALICE | {"username": f"nobody-of-{proxy}"}
    codes = [client.post("/auth/login", json=wrong, headers=FORGED).status_code for _ in range(7)]
    assert codes == [401] * 5 + [429] * 2
    assert client.post("/auth/login", json=ALICE | {"username": f"another-of-{proxy}"}).status_code == 401
    assert client.get("/hello").status_code == 401
