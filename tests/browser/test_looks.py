"""Narrow screens, dark colours, the keyboard alone, and what a screen reader gets."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.pages import (
    axe_faults,
    charts,
    has_sideways_scroll,
    open_live,
    open_paused,
    picture,
    window_button,
    word,
)

NewPage = Callable[..., Page]
PHONE = {"width": 360, "height": 740}
FOCUSED = """() => {
  const element = document.activeElement, style = getComputedStyle(element);
  const shown = element.type === "radio" ? getComputedStyle(element.nextElementSibling) : style;
  const isMarked = shown.outlineStyle !== "none" || shown.boxShadow !== "none";
  return [element.id || element.className || element.textContent.trim() || element.tagName, isMarked];
}"""


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_nothing_is_wider_than_a_phone(new_page: NewPage, colours: str) -> None:
    page = new_page(viewport=PHONE, color_scheme=colours)
    open_live(page)
    assert not has_sideways_scroll(page)
    page.get_by_text("The whole rule").click()
    page.keyboard.press("p")
    page.wait_for_timeout(1500)
    assert not has_sideways_scroll(page)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    assert not has_sideways_scroll(page)


def test_the_first_run_hint_and_the_sign_in_fit_a_phone(
    new_page: NewPage, new_context: Callable[..., BrowserContext]
) -> None:
    page = new_page(viewport=PHONE)
    page.route("**/api/devices/status", lambda route: route.fulfill(json=[]))
    page.goto("/")
    expect(page.locator("#empty")).to_be_visible()
    assert not has_sideways_scroll(page)
    stranger = new_context(viewport=PHONE).new_page()
    stranger.goto("/")
    assert not has_sideways_scroll(stranger)


def background(page: Page) -> int:
    """How bright the page is, from 0 to 765."""
    brightness: int = page.evaluate("""() => {
      const context = new OffscreenCanvas(1, 1).getContext("2d");
      context.fillStyle = getComputedStyle(document.body).backgroundColor;
      context.fillRect(0, 0, 1, 1);
      return context.getImageData(0, 0, 1, 1).data.slice(0, 3).reduce((a, b) => a + b);
    }""")
    return brightness


def test_the_colours_follow_the_system_and_a_choice_is_kept(new_page: NewPage) -> None:
    page = new_page(color_scheme="dark")
    open_paused(page)
    assert background(page) < 200
    dark = picture(page)
    page.get_by_role("button", name="Colours: automatic").click()
    expect(page.get_by_role("button", name="Colours: light")).to_be_visible()
    assert background(page) > 600
    assert picture(page) != dark, "charts are drawn in the colours of the theme"
    page.reload()
    assert background(page) > 600
    page.get_by_role("button", name="Colours: light").click()
    assert background(page) < 200


def test_the_keyboard_reaches_everything_and_shows_where_it_is(new_page: NewPage) -> None:
    page = new_page()
    open_live(page)
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()
    reached: dict[str, bool] = {}
    for _ in range(24):
        page.keyboard.press("Tab")
        name, is_marked = page.evaluate(FOCUSED)
        reached[name] = is_marked
    assert {"field", "scale", "search", "table-scroll"} <= set(reached), reached
    assert any("pause" in name for name in reached)
    assert all(reached.values()), f"focus cannot be seen: {reached}"


def test_the_keys_do_what_the_help_says(new_page: NewPage) -> None:
    page = new_page()
    open_live(page)
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_contain_text("pause or resume")
    page.keyboard.press("p")
    page.keyboard.press("Escape")
    expect(word(page)).to_have_text("Live")
    page.keyboard.press("1")
    expect(window_button(page, "1 min")).to_be_checked()
    page.keyboard.press("4")
    expect(window_button(page, "1 h")).to_be_checked()
    page.keyboard.press("/")
    page.keyboard.type("p1?")
    expect(word(page)).to_have_text("Live")
    expect(page.locator("#search")).to_have_value("p1?")


def test_pausing_is_announced_but_data_is_not(new_page: NewPage) -> None:
    page = new_page()
    open_live(page)
    page.keyboard.press("p")
    expect(page.locator("#announcement")).to_have_text("Paused.")
    live_regions = page.locator("[aria-live], [role=status], [role=alert], [role=log]")
    expect(live_regions).to_have_count(1)


@pytest.mark.parametrize(
    ("where", "colours"),
    [
        ("live", "light"),
        ("paused", "dark"),
        ("sign-in", "light"),
        ("empty", "dark"),
        ("help", "light"),
    ],
)
def test_axe_finds_nothing(
    new_page: NewPage, new_context: Callable[..., BrowserContext], where: str, colours: str
) -> None:
    page = new_context(color_scheme=colours).new_page() if where == "sign-in" else new_page(color_scheme=colours)
    if where == "empty":
        page.route("**/api/devices/status", lambda route: route.fulfill(json=[]))
    page.goto("/")
    if where in ("live", "paused", "help"):
        expect(charts(page).first.locator("canvas")).to_be_visible()
    if where in ("paused", "help"):
        page.keyboard.press("p" if where == "paused" else "?")
    page.wait_for_timeout(1200)
    assert axe_faults(page) == []
