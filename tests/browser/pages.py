"""What the tests do on the pages, in the words of somebody who looks at them."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

SECOND = 1000
AXE = Path(__file__).parents[2] / "node_modules" / "axe-core" / "axe.min.js"  # which `npm ci` installs
LIVE = re.compile("^Live$")

# The lines of a chart are the only strong blue on the page. Answers how much of the width of the plot they cover.
DRAWN_SHARE = """(canvas) => {
  const { width, height } = canvas;
  const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
  let [first, last] = [width, -1];
  for (let i = 0; i < data.length; i += 4) {
    if (data[i + 3] < 200 || data[i] > 130 || data[i + 2] < 180 || data[i + 2] - data[i] < 100) continue;
    const x = (i / 4) % width;
    first = Math.min(first, x);
    last = Math.max(last, x);
  }
  return Math.max(0, last - first) / width;
}"""


def sign_in(page: Page, user: str, password: str, path: str = "/") -> None:
    """Open a page that asks for a sign-in first, and sign in."""
    page.goto(path)
    page.get_by_label("Name").fill(user)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def open_live(page: Page, query: str = "") -> None:
    """Open the live page and wait until it is live and has a chart."""
    page.goto(f"/{query}")
    wait_until_live(page)
    expect(charts(page).first.locator("canvas")).to_be_visible()


def open_paused(page: Page, query: str = "") -> None:
    """Open the live page and pause it once everything that is stored is drawn."""
    open_live(page, query)
    page.wait_for_load_state("networkidle")
    page.keyboard.press("p")
    expect(word(page)).to_have_text("Paused")
    page.wait_for_timeout(300)


def wait_until_live(page: Page, seconds: float = 20) -> None:
    expect(word(page)).to_have_text(LIVE, timeout=seconds * SECOND)


def word(page: Page) -> Locator:
    """The word in the connection pill."""
    return page.locator("connection-pill .pill-word")


def charts(page: Page) -> Locator:
    return page.locator("live-chart")


def window_button(page: Page, name: str) -> Locator:
    return page.get_by_role("radio", name=name, exact=True)


def choose_window(page: Page, name: str) -> None:
    page.locator("#windows").get_by_text(name, exact=True).click()


def picture(page: Page, index: int = 0) -> str:
    """The pixels of a chart."""
    drawn: str = charts(page).nth(index).locator("canvas").evaluate("(canvas) => canvas.toDataURL()")
    return drawn


def drawn_share(page: Page, index: int = 0) -> float:
    """How much of its width the line of a chart covers, from 0 to 1."""
    return drawn_share_of(charts(page).nth(index).locator("canvas"))


def drawn_share_of(canvas: Locator) -> float:
    """How much of its width the blue line of a canvas covers, from 0 to 1."""
    share: float = canvas.evaluate(DRAWN_SHARE)
    return share


def eventually(page: Page, condition: Callable[[], bool], what: str, seconds: float = 10) -> None:
    """Wait for something that no locator can express, and let the events of the page through meanwhile."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"after {seconds} s still not so: {what}"
        page.wait_for_timeout(100)


def has_sideways_scroll(page: Page) -> bool:
    wide: bool = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return wide


def axe_faults(page: Page, within: str = "html") -> list[str]:
    """What axe-core finds wrong for people who do not see or use a mouse, with the element that it is about."""
    page.evaluate(AXE.read_text())
    found: dict[str, Any] = page.evaluate("(within) => axe.run(within, { resultTypes: ['violations'] })", within)
    return [f"{each['id']}: {node['html']}" for each in found["violations"] for node in each["nodes"]]
