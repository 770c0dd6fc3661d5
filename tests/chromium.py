"""A real Chromium for tests of pages: `from chromium import Browsing`."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from eventually import eventually
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, expect, sync_playwright

from observability.plain_text import print_error

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATIENCE_MS = 15_000
"""As long as a page may take on a machine whose cores are taken three times over."""
SIZES = {"desktop": (1280, 800), "phone": (390, 844)}


def chromium_program() -> str:
    """Find Chromium; where it is absent install it by apt-get, and say so."""
    if (found := shutil.which("chromium", path=os.defpath)) is None:
        print_error("chromium is not here: installing it by apt-get")
        for command in (("update",), ("install", "--yes", "--no-install-recommends", "chromium")):
            subprocess.run(["apt-get", "-qq", *command], check=True, stdout=subprocess.DEVNULL)
        found = shutil.which("chromium", path=os.defpath)
    assert found is not None, "needs Chromium: `apt-get install chromium`"
    return found


def holds(page: Page, claim: str, *, within_s: float = 15.0) -> None:
    """Wait until a claim of JavaScript holds; a page's own policy forbids what Playwright's wait would do."""
    eventually(lambda: page.evaluate(claim), within_s=within_s)


@contextmanager
def a_browser(*more: str) -> Iterator[Browser]:
    """Run a browser; while it runs no other event loop can run in this thread."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_program(), args=[*FLAGS, *more])
        yield browser
        browser.close()


@dataclass
class Browsing:
    """A page that somebody looks at, and what went wrong while they did."""

    page: Page
    url: str
    errors: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._said)
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("request", self._asked)
        self.page.on("dialog", lambda dialog: self.errors.append(f"a dialog: {dialog.message}"))

    def open(self, fragment: str) -> Page:
        """Go to a page of the dashboard."""
        self.page.goto(f"{self.url}/#/{fragment}")
        return self.page

    def overflow_px(self) -> int:
        """Tell how much wider the page is than its window; on a phone a page that is too wide widens `innerWidth`."""
        assert self.page.viewport_size is not None
        wide: int = self.page.evaluate("document.documentElement.scrollWidth")
        return wide - self.page.viewport_size["width"]

    def _said(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.errors.append(f"{message.text} ({message.location.get('url')})")

    def _asked(self, request: Request) -> None:
        host = urlsplit(request.url).netloc
        if host and host != urlsplit(self.url).netloc:
            self.elsewhere.append(request.url)


@contextmanager
def browsing(browser: Browser, url: str, *, size: str = "desktop", scheme: str = "light") -> Iterator[Browsing]:
    """Open a page of its own, with storage of its own, at a size; times are those of Denver."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme="dark" if scheme == "dark" else "light",
        has_touch=size == "phone",
        is_mobile=size == "phone",
        locale="en-GB",
        timezone_id="America/Denver",
        reduced_motion="reduce",
    )
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    try:
        yield Browsing(context.new_page(), url)
    finally:
        context.close()
