"""The live page as somebody sees it who watches ten vehicles."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import LiveSite, Watch
from tests.browser.pages import (
    SECOND,
    charts,
    choose_window,
    drawn_share,
    eventually,
    open_live,
    open_paused,
    picture,
    sign_in,
    wait_until_live,
    window_button,
    word,
)

NewPage = Callable[..., Page]


def test_somebody_who_is_not_signed_in_must_sign_in_first_and_then_sees_what_was_asked_for(
    new_context: Callable[..., BrowserContext], live_site: LiveSite
) -> None:
    page = new_context().new_page()
    sign_in(page, live_site.user, "not the password", "/?window=15m")
    expect(page.get_by_role("alert")).to_contain_text("correct")
    sign_in(page, live_site.user, live_site.password, "/?window=15m")
    wait_until_live(page)
    assert page.url.endswith("/?window=15m")
    expect(window_button(page, "15 min")).to_be_checked()


def test_ten_charts_fit_on_a_laptop_and_move(new_page: NewPage) -> None:
    page = new_page()
    open_live(page)
    expect(charts(page)).to_have_count(10)
    last = charts(page).last.bounding_box()
    assert last is not None
    assert last["y"] + last["height"] <= 768
    before = [picture(page, index) for index in range(10)]
    eventually(page, lambda: all(picture(page, i) != before[i] for i in range(10)), "every chart shows other pixels", 5)


def test_a_chart_starts_from_stored_history(new_page: NewPage) -> None:
    page = new_page()
    open_live(page, "?window=1m")
    eventually(page, lambda: drawn_share(page) > 0.25, "a quarter of a minute is drawn, once it is stored", 40)
    page.reload()
    wait_until_live(page)
    eventually(page, lambda: drawn_share(page) > 0.25, "the line is back at once", 4)


def test_every_chart_says_value_unit_status_and_age_in_words(new_page: NewPage) -> None:
    page = new_page()
    open_live(page)
    chart = charts(page).first
    expect(chart.locator(".chart-number")).to_have_text(re.compile(r"^\d+(\.\d+)?$"))
    expect(chart.locator(".chart-unit")).to_have_text("km/h")
    expect(chart.locator(".status")).to_have_text("online")
    expect(chart.locator(".status")).to_have_attribute("title", re.compile("^online: last heard .* expected every"))
    expect(chart.locator("time")).to_have_text(re.compile(r"now|\d+ s ago"))
    expect(chart.locator("time")).to_have_attribute("title", re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"))
    expect(chart.get_by_role("img")).to_have_attribute("aria-label", re.compile(r"Speed: newest \d.* km/h, online"))


def test_while_paused_the_charts_stand_still_and_what_comes_is_counted(new_page: NewPage) -> None:
    page = new_page()
    open_paused(page, "?window=1m")
    before, text = picture(page), charts(page).first.inner_text()
    first = int(page.locator("#new-count").inner_text().split()[0])
    page.wait_for_timeout(3 * SECOND)
    assert picture(page) == before
    assert charts(page).first.inner_text() == text
    assert int(page.locator("#new-count").inner_text().split()[0]) >= first + 10
    page.get_by_role("button", name="Resume").click()
    expect(word(page)).to_have_text("Live")
    expect(page.locator("#new-count")).to_be_hidden()
    eventually(page, lambda: picture(page) != before, "the chart moves again", 3)


def test_another_window_can_be_looked_at_while_paused(new_page: NewPage) -> None:
    page = new_page()
    open_paused(page, "?window=1m")
    before = picture(page)
    choose_window(page, "15 min")
    eventually(page, lambda: picture(page) != before, "the longer window is shown")
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(300)
    longer = picture(page)
    page.wait_for_timeout(2 * SECOND)
    assert picture(page) == longer
    expect(word(page)).to_have_text("Paused")


def test_window_and_field_live_in_the_address(new_page: NewPage) -> None:
    page = new_page()
    open_live(page)
    choose_window(page, "1 min")
    page.get_by_label("Field").select_option("battery")
    expect(charts(page).first.locator(".chart-unit")).to_have_text("%")
    assert "window=1m" in page.url
    assert "field=battery" in page.url
    page.reload()
    wait_until_live(page)
    expect(window_button(page, "1 min")).to_be_checked()
    expect(charts(page).first.locator(".chart-unit")).to_have_text("%")


def test_the_table_lists_every_device_and_sorts_by_any_column(new_page: NewPage) -> None:
    page = new_page()
    open_live(page)
    page.locator("latest-table").scroll_into_view_if_needed()
    rows = page.locator("latest-table tbody tr")
    expect(rows).to_have_count(10)
    expect(rows.first).to_contain_text(re.compile(r"vehicle_01\s*online"))
    page.get_by_role("button", name="Device").click()
    expect(rows.first).to_contain_text("vehicle_10")
    page.get_by_role("button", name="Speed").click()
    expect(page.locator("th[aria-sort=descending]")).to_contain_text("Speed")
    page.keyboard.press("p")
    page.wait_for_timeout(300)
    speeds = [float(row.locator("td").nth(2).inner_text()) for row in rows.all()]
    assert speeds == sorted(speeds, reverse=True)


def test_a_search_leaves_only_the_devices_that_are_meant(new_page: NewPage) -> None:
    page = new_page()
    open_live(page)
    page.keyboard.press("/")
    page.keyboard.type("_03")
    expect(charts(page)).to_have_count(1)
    expect(charts(page).first).to_contain_text("vehicle_03")
    page.keyboard.press("Escape")
    expect(charts(page)).to_have_count(10)


def test_the_rule_for_online_is_spelled_out(new_page: NewPage) -> None:
    page = new_page()
    open_live(page)
    expect(page.locator("#counts")).to_contain_text("10 online")
    page.get_by_text("The whole rule").click()
    expect(page.get_by_text("at least 30 s")).to_be_visible()


def test_nothing_leaves_the_host_and_nothing_is_reported(new_page: NewPage, watch: Watch) -> None:
    page = new_page()
    open_live(page)
    choose_window(page, "1 h")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    page.mouse.move(200, 300)
    page.mouse.wheel(0, 2000)
    page.wait_for_timeout(2 * SECOND)
    assert watch.strangers == []
    assert watch.errors == []


@pytest.mark.parametrize("script", ["<img src=x onerror=alert(1)>", "<script>alert(1)</script>"])
def test_the_name_of_a_device_is_text_and_never_markup(new_page: NewPage, script: str) -> None:
    page = new_page()
    page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))
    row = {"device_id": script, "model": "vehicle", "status": "online", "last_seen": None, "expected_interval_s": 1}
    page.route("**/api/devices/status", lambda route: route.fulfill(json=[row]))
    page.goto("/")
    expect(charts(page).first.locator(".chart-name")).to_have_text(script)
    expect(charts(page).first.locator("img")).to_have_count(0)


def test_a_tab_in_the_background_draws_nothing_and_catches_up(new_page: NewPage) -> None:
    page = new_page()
    page.add_init_script("""
      Object.defineProperty(document, "hidden", { get: () => globalThis.inBackground === true });
    """)
    open_live(page, "?window=1m")
    page.evaluate("globalThis.inBackground = true")
    page.wait_for_timeout(300)
    before = picture(page)
    page.wait_for_timeout(2 * SECOND)
    assert picture(page) == before
    page.evaluate("globalThis.inBackground = false; document.dispatchEvent(new Event('visibilitychange'))")
    eventually(page, lambda: picture(page) != before, "the chart is drawn again", 2)
