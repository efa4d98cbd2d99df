"""The explorer as somebody uses it who looks for what was stored."""

from __future__ import annotations

import csv
import io
import re
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Watch
from tests.browser.pages import SECOND, axe_faults, eventually, has_sideways_scroll
from tests.visitor import Program

NewPage = Callable[..., Page]
PHONE = {"width": 360, "height": 740}
WEEK_S = 7 * 86_400
WAIT_S = 20.0  # for a worker, on a machine whose two cores also run the stack and the browser
READINGS = 120  # one a second
SILENT = range(60, 80)  # seconds of them in which nothing was sent


@pytest.fixture(scope="module")
def start(api: Program) -> int:
    """Return when a sensor began that measured for two minutes an hour ago, and a week before it likewise, 10° colder.

    It is a sensor and no vehicle, because other tests count the vehicles.
    """
    start = int(time.time()) // 60 * 60 - 3600
    for begin, colder in ((start, 0), (start - WEEK_S, 10)):
        readings = [
            {"device_id": "explored", "timestamp": begin + second, "temperature": 20 + second / 10 - colder}
            for second in range(READINGS)
            if second not in SILENT
        ]
        api.post("/bridge/ingest?topic=sensors/explored/telemetry", readings)
    asked = {"field": "sensor.temperature", "device": "explored", "duration": "8d"}
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            raw = api.get("/api/v1/series", **asked, bucket="raw", points=1000)
            hours = api.get("/api/v1/series", **asked, bucket="1h")
        except OSError:  # the model has no such device before its first reading is stored
            raw = hours = {"series": []}
        # Long spans come out of rollups, which a task makes within seconds.
        if points_in(raw) == 2 * (READINGS - len(SILENT)) and points_in(hours) >= 2:
            return start
        assert time.monotonic() < deadline, "the readings are still not stored"
        time.sleep(0.2)


def points_in(answer: dict[str, Any]) -> int:
    """Return how many points of an answer have a value."""
    return sum(point[1] is not None for series in answer["series"] for point in series["points"])


def iso(epoch: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(epoch))


def address(start: int, **more: str) -> str:
    """Return the explorer's address for the two minutes of the sensor."""
    asked = {"field": "sensor.temperature", "device": "explored", "start": iso(start), "end": iso(start + READINGS)}
    return f"/explore?{urlencode(asked | more)}"


def open_explorer(page: Page, path: str) -> None:
    page.goto(path)
    expect(page.locator("#result")).to_have_attribute("aria-busy", "false")


def resolution(page: Page) -> Locator:
    return page.locator("#resolution")


def shown_range(page: Page) -> tuple[float, float]:
    """Return the range in the address."""
    query = parse_qs(urlsplit(page.url).query)
    start, end = (datetime.fromisoformat(query[name][0]).timestamp() for name in ("start", "end"))
    return start, end


def drag(page: Page, left: float, right: float) -> None:
    """Drag across a part of the first chart, from 0 to 1."""
    box = page.locator(".u-over").first.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + left * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + right * box["width"], y, steps=4)
    page.mouse.up()


def legend(page: Page) -> Locator:
    return page.locator("explore-panel .legend li")


def test_a_zoom_is_undone_a_week_compared_and_all_of_it_exported(new_page: NewPage, watch: Watch, start: int) -> None:
    page = new_page(accept_downloads=True)
    open_explorer(page, address(start))
    expect(resolution(page)).to_have_text(f"Every reading is drawn: {READINGS - len(SILENT)} points.")
    drag(page, 0.25, 0.5)
    expect(resolution(page)).to_have_text(re.compile(r"Every reading is drawn: 3\d points"))
    left, right = shown_range(page)
    assert left - start == pytest.approx(30, abs=1)
    assert right - start == pytest.approx(60, abs=1)
    page.keyboard.press("Backspace")
    expect(resolution(page)).to_have_text(f"Every reading is drawn: {READINGS - len(SILENT)} points.")
    assert shown_range(page) == (start, start + READINGS)
    expect(page.get_by_role("button", name="Undo zoom")).to_be_disabled()
    page.get_by_label("Compare with").select_option("The week before")
    expect(legend(page)).to_have_text([re.compile(r"explored\s*31\.9"), re.compile(r"explored, 7 days before\s*21\.9")])
    exported_rows_are_those_of_the_chart(page)
    assert watch.errors == []
    assert watch.strangers == []


def exported_rows_are_those_of_the_chart(page: Page) -> None:
    """Download what is seen, and compare it point by point with what the page asks the API."""
    page.get_by_text("The same through the API and in SQL").click()
    asked = re.search(r'"https?://[^/]+(/api/v1/series\?[^"]+)"', page.locator("#asked-api").inner_text())
    assert asked is not None
    series: list[dict[str, Any]] = page.request.get(asked[1]).json()["series"]
    drawn = sorted((point[0], point[1]) for one in series for point in one["points"] if point[1] is not None)
    assert len(drawn) == 2 * (READINGS - len(SILENT))
    rows = download(page, "What is seen as CSV")
    expect(page.locator("#export-body")).to_contain_text(f"{len(rows)} rows")
    assert sorted((moment(row["ts"]), float(row["value"])) for row in rows if row["value"]) == drawn
    stored = download(page, "All readings of sensor in this time as CSV")
    assert [(row["device"], float(row["temperature"])) for row in stored] == [
        ("explored", point[1]) for point in series[0]["points"] if point[1] is not None
    ]


def moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def download(page: Page, name: str) -> list[dict[str, str]]:
    """Export something as CSV and return its rows."""
    menu = page.locator("#export")
    if menu.get_attribute("open") is None:
        menu.locator("summary").click()
    with page.expect_download() as started:
        menu.get_by_role("link", name=name, exact=True).click()
    return list(csv.DictReader(io.StringIO(Path(started.value.path()).read_text())))


def test_a_silence_is_a_gap_and_not_a_line(new_page: NewPage, start: int) -> None:
    page = new_page()
    open_explorer(page, address(start))
    drag(page, 62 / READINGS, 78 / READINGS)
    expect(page.get_by_role("heading", name="No reading in this time")).to_be_visible()
    page.get_by_role("button", name="Last 24 h").click()
    expect(page.get_by_role("heading", name="No reading in this time")).to_be_hidden()
    expect(page.locator("explore-panel canvas")).to_be_visible()
    page.keyboard.press("Backspace")
    page.keyboard.press("Backspace")
    expect(resolution(page)).to_contain_text("100 points")


def test_back_leads_to_what_was_seen_before(new_page: NewPage, start: int) -> None:
    page = new_page()
    open_explorer(page, address(start))
    page.get_by_label("Points").select_option("10 s")
    expect(resolution(page)).to_contain_text("1 point = 10 s: the average, and the band reaches")
    page.keyboard.press("t")
    table = page.locator("series-table")
    expect(table.locator("tbody tr").first).to_contain_text(re.compile(r"31\.4"))
    expect(table.locator("thead")).to_contain_text("Minimum")
    page.go_back()
    page.go_back()
    expect(resolution(page)).to_contain_text("Every reading is drawn")
    expect(page.get_by_label("Points")).to_have_value("auto")
    page.keyboard.press("ArrowRight")
    expect(page).not_to_have_url(re.compile(re.escape(iso(start)[:16])))


def test_what_comes_is_followed_and_stands_still_again(new_page: NewPage) -> None:
    page = new_page()
    open_explorer(page, "/explore?field=vehicle.speed&device=vehicle_01&device=vehicle_02&duration=5m&view=table")
    page.get_by_role("button", name="Follow live").click()
    assert "live=1" in page.url

    def newest() -> float:
        return moment(page.locator("series-table tbody time").first.get_attribute("datetime") or "")

    first = newest()
    eventually(page, lambda: newest() >= first + 4, "readings of four seconds more are shown", WAIT_S)
    page.get_by_role("button", name="Follow live").click()
    page.wait_for_timeout(SECOND)
    stopped = newest()
    page.wait_for_timeout(3 * SECOND)
    assert newest() == stopped


def test_a_view_is_saved_found_again_and_deleted(new_page: NewPage, start: int) -> None:
    page = new_page()
    open_explorer(page, address(start, function="max", bucket="10s"))
    menu = page.locator("#views")
    menu.locator("summary").click()
    menu.get_by_label("Save this view as").fill("Warm <b>hours</b>")
    menu.get_by_role("button", name="Save").click()
    expect(menu.get_by_role("status")).to_have_text("“Warm <b>hours</b>” is saved.")
    open_explorer(page, "/explore")
    menu.locator("summary").click()
    menu.get_by_role("link", name="Warm <b>hours</b>").click()
    expect(page.get_by_label("Function")).to_have_value("max")
    expect(resolution(page)).to_contain_text("1 point = 10 s: the maximum")
    menu.locator("summary").click()
    menu.get_by_role("button", name="Delete the view Warm <b>hours</b>").click()
    expect(menu).to_contain_text("No view has been saved yet.")


def test_a_chart_of_the_live_page_leads_to_the_same_field_device_and_window(new_page: NewPage) -> None:
    page = new_page()
    page.goto("/?window=15m")
    page.get_by_role("link", name="vehicle_03", exact=True).click()
    expect(page).to_have_url(re.compile(r"/explore\?field=vehicle\.speed&device=vehicle_03&duration=15m$"))
    expect(legend(page)).to_have_count(1)
    expect(page.get_by_role("img")).to_have_attribute(
        "aria-label", re.compile(r"^Speed, 1 series, Last 15 min, between")
    )


def test_an_error_says_what_to_do_and_trying_again_helps(new_page: NewPage, start: int) -> None:
    page = new_page()
    error = {
        "type": "server_error",
        "errors": [{"code": "too_slow", "detail": "That took longer than 10 s.", "attr": None}],
    }
    page.route("**/api/v1/series?*", lambda route: route.fulfill(status=503, json=error))
    page.goto(address(start))
    expect(page.locator("#problem")).to_contain_text("That took longer than 10 s.")
    page.unroute("**/api/v1/series?*")
    page.get_by_role("button", name="Try again").click()
    expect(page.locator("#problem")).to_be_hidden()
    expect(resolution(page)).to_contain_text("100 points")


@pytest.mark.parametrize(("colours", "size"), [("light", None), ("dark", PHONE)])
def test_axe_finds_nothing_and_nothing_is_wider_than_a_phone(
    new_page: NewPage, start: int, colours: str, size: dict[str, int] | None
) -> None:
    page = new_page(color_scheme=colours, **({"viewport": size} if size else {}))
    for what, path, act in (
        ("lines", address(start, compare="7d", bucket="10s"), None),
        ("table", address(start, view="table"), None),
        ("nothing", address(start - 10 * WEEK_S), None),
        ("choice", "/explore?field=sensor.temperature", "#choose > summary"),
        ("export", address(start), "#export > summary"),
        ("views", address(start), "#views > summary"),
        ("help", address(start), "#show-help"),
    ):
        page.goto(path)
        page.wait_for_load_state("networkidle")
        if act:
            page.locator(act).click()
            page.wait_for_load_state("networkidle")
        assert not has_sideways_scroll(page), what
        assert axe_faults(page) == [], what
