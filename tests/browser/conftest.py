"""A real browser for the tests of the pages: the system's Chromium, driven by Playwright.

`live_site` and `restart_site` come from the running stack that the tests start. With `LIVE_SITE_URL` in the environment
(and `LIVE_SITE_USER`, `LIVE_SITE_PASSWORD`) the tests look at that site instead, and leave out what would restart it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Protocol
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect, sync_playwright

from tests.browser.pages import sign_in

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or "/usr/bin/chromium"
# Background networking would ask for updates and time, on a machine that may have no network at all.
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]


# Five seconds, Playwright's own, are short on a machine whose two cores also run the whole stack.
expect.set_options(timeout=15_000)


class LiveSite(Protocol):
    """A running site with devices that send, and somebody who may sign in."""

    url: str
    user: str
    password: str


if os.environ.get("LIVE_SITE_URL"):

    class GivenSite:
        """The site that the environment names."""

        url = os.environ["LIVE_SITE_URL"].rstrip("/")
        user = os.environ.get("LIVE_SITE_USER", "admin")
        password = os.environ.get("LIVE_SITE_PASSWORD", "")

    @pytest.fixture(scope="session")
    def live_site() -> LiveSite:
        return GivenSite()

    @pytest.fixture
    def restart_site() -> Callable[[], None]:
        pytest.skip("the site was given by LIVE_SITE_URL and is not ours to restart")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start the browser for one module only: Playwright keeps an event loop running that other tests must not meet."""
    if not os.access(CHROMIUM, os.X_OK):
        pytest.skip(f"no browser: {CHROMIUM} is not there. Install Chromium, or name one with CHROMIUM=/path")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def session_cookies(browser: Browser, live_site: LiveSite) -> list[dict[str, object]]:
    """Sign in once; every test but those of the sign-in itself starts from there."""
    context = browser.new_context(base_url=live_site.url)
    page = context.new_page()
    sign_in(page, live_site.user, live_site.password)
    cookies = [dict(cookie) for cookie in context.cookies()]
    context.close()
    return cookies


class Watch:
    """What a page must never do: ask another host for something, break its own security policy, or report an error."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.strangers: list[str] = []
        self.errors: list[str] = []

    def follow(self, page: Page) -> None:
        page.on("request", self._request)
        page.on("websocket", lambda socket: self._address(socket.url))
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def _request(self, request: Request) -> None:
        self._address(request.url)

    def _address(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("data", "blob") and parts.netloc != self.host:
            self.strangers.append(url)

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.errors.append(f"{message.type}: {message.text}")


@pytest.fixture
def watch(live_site: LiveSite) -> Watch:
    return Watch(urlsplit(live_site.url).netloc)


@pytest.fixture
def new_context(browser: Browser, live_site: LiveSite) -> Iterator[Callable[..., BrowserContext]]:
    """Return a function that opens a fresh browser profile with the given screen and preferences."""
    contexts: list[BrowserContext] = []

    def open_context(**options: object) -> BrowserContext:
        contexts.append(browser.new_context(base_url=live_site.url, **options))  # type: ignore[arg-type]
        return contexts[-1]

    yield open_context
    for context in contexts:
        # A request that a test holds back may still be on its way.
        context.unroute_all(behavior="ignoreErrors")
        for page in context.pages:
            page.unroute_all(behavior="ignoreErrors")
        context.close()


@pytest.fixture
def new_page(
    new_context: Callable[..., BrowserContext], session_cookies: list[dict[str, object]], watch: Watch
) -> Callable[..., Page]:
    """Return a function that opens an empty page for somebody who is signed in."""

    def open_page(**options: object) -> Page:
        context = new_context(**({"viewport": {"width": 1366, "height": 768}} | options))
        context.add_cookies(session_cookies)  # type: ignore[arg-type]
        page = context.new_page()
        watch.follow(page)
        return page

    return open_page
