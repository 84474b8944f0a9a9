"""What can be said without a browser, and what is said where there is none."""

import subprocess
import sys

from tests.browser.chromium import HOW_TO_GET_IT
from tests.support.server import ROOT, Server, clean_environment


def test_where_chromium_is_missing_each_test_skips_and_says_how_to_get_it() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-m", "browser", "tests/browser"],
        cwd=ROOT,
        env=clean_environment() | {"PATH": "/nowhere"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stdout
    assert HOW_TO_GET_IT in ran.stdout
    assert " passed" not in ran.stdout.splitlines()[-1]


def test_redoc_is_whole_but_for_the_address_on_another_host(used_server: Server) -> None:
    with used_server.client() as client:
        bundle = client.get("/docs-assets/bundles/redoc.standalone.js")
    assert bundle.status_code == 200
    assert bundle.headers["content-type"].startswith("text/javascript")
    assert "cdn.redoc.ly" not in bundle.text
    assert "API docs by Redocly" in bundle.text
