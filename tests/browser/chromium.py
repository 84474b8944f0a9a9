"""Chromium, and what a page does in it: every request, every complaint."""

import json
import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Locator, Page, Playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
HOW_TO_GET_IT = "Chromium is not installed; on Debian: apt-get install chromium"
ARGUMENTS = (
    "--disable-gpu",
    "--in-process-gpu",  # one process fewer to start
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
NO_OTHER_HOST = "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
NOT_FETCHED = {"data", "blob", "about"}
REPORT_VIOLATIONS = """
    window.violations = [];
    addEventListener("securitypolicyviolation", (event) => {
      window.violations.push(`${event.violatedDirective} ${event.blockedURI}`);
    });
"""


def chromium_path() -> str | None:
    """Where Chromium is installed, or None."""
    return next((found for name in NAMES if (found := shutil.which(name))), None)


@contextmanager
def started(playwright: Playwright, resolver_rules: str = NO_OTHER_HOST) -> Generator[Browser, None, None]:
    """Chromium with a new profile and without the internet; `resolver_rules` name what it can reach."""
    arguments = [*ARGUMENTS, f"--host-resolver-rules={resolver_rules}"]
    if os.geteuid() == 0:
        arguments.append("--no-sandbox")
    browser = playwright.chromium.launch(executable_path=chromium_path(), args=arguments)
    yield browser
    browser.close()


class Visit:
    """A page in a new profile, with what it asked for and what went wrong. `url` is the server's."""

    def __init__(self, browser: Browser, url: str, width: int = 1280) -> None:
        self.url = url
        self.context = browser.new_context(viewport={"width": width, "height": 900})
        self.context.add_init_script(REPORT_VIOLATIONS)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(15_000)
        self.requested: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requested.append(request.url))
        self.page.on("requestfailed", lambda request: self.complaints.append(f"{request.url} {request.failure}"))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)

    def open(self, path: str) -> None:
        """Go there."""
        answer = self.page.goto(self.url + path)
        assert answer is not None
        assert answer.status == 200

    def close(self) -> None:
        """Close it with its profile."""
        self.context.close()

    def elsewhere(self) -> list[str]:
        """What was asked of other hosts, the blocked requests too."""
        here = urlsplit(self.url).netloc
        parts = [urlsplit(url) for url in self.requested]
        asked = [part.geturl() for part in parts if part.scheme not in NOT_FETCHED and part.netloc != here]
        return asked + list(self.page.evaluate("window.violations"))

    def operation(self, operation_id: str) -> Locator:
        """An operation's block in Swagger UI."""
        return self.page.locator(f".opblock[id$='-{operation_id}']")

    def execute(self, operation_id: str) -> tuple[int, str]:
        """Try it out → Execute, with everything as it stands there; the status and the body shown."""
        block = self.operation(operation_id)
        if "is-open" not in (block.get_attribute("class") or ""):
            block.locator(".opblock-summary-control").click()
        try_it_out = block.locator(".try-out__btn")
        if try_it_out.inner_text() == "Try it out":  # else it is "Cancel" or "Reset"
            try_it_out.click()
        block.get_by_role("button", name="Execute").click()
        missing = block.locator("tr:has(.invalid)").evaluate_all("rows => rows.map(row => row.dataset.paramName)")
        assert missing == [], f"{operation_id} is not sent before {missing} is typed in"
        answer = block.locator(".live-responses-table tbody tr").first
        status = int(answer.locator(".response-col_status").inner_text().split()[0])
        body = answer.locator(".highlight-code code").first
        return status, body.inner_text() if body.count() else ""

    def execute_json(self, operation_id: str) -> tuple[int, Any]:
        """The same, the body read as JSON."""
        status, body = self.execute(operation_id)
        return status, json.loads(body)

    def open_dialog(self) -> Locator:
        """Press Authorize; the dialog."""
        self.page.locator(".auth-wrapper .authorize").click()
        return self.page.locator(".dialog-ux .modal-ux")

    def authorize(self, token: str) -> str:
        """Authorize with a pasted token; what the dialog said."""
        dialog = self.open_dialog()
        said = dialog.inner_text()
        dialog.locator("input").fill(token)
        dialog.get_by_role("button", name="Apply credentials").click()
        dialog.get_by_role("button", name="Close").first.click()
        return said

    def signed_in(self) -> bool:
        """Whether the page holds a token."""
        return self.page.locator(".auth-wrapper .authorize.locked").is_visible()

    def stored(self) -> str:
        """Everything that the page keeps in the browser."""
        return str(self.page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])"))
