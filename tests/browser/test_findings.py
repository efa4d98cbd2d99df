"""The list of findings, and their marks in the charts."""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.pages import axe_faults, has_sideways_scroll
from tests.project import eventually
from tests.visitor import Program

NewPage = Callable[..., Page]
DEVICE = "odd_one"


@pytest.fixture(scope="module")
def start(api: Program) -> float:
    """Return when a sensor was too hot that had been learned for an hour. It is no vehicle: other tests count those."""
    chance, now = random.Random(3), time.time()
    rows: list[dict[str, Any]] = [
        {"device_id": DEVICE, "timestamp": now - ago, "temperature": round(chance.gauss(21.0, 0.3), 2)}
        for ago in range(5_000, 0, -5)
    ]
    rows[-20]["temperature"] = 70.0
    api.post(f"/bridge/ingest?topic=sensors/{DEVICE}/telemetry", rows)
    eventually(lambda: bool(api.get("/api/v1/findings", device=DEVICE, kind="spike")["results"]), "it is found", 90)
    return float(rows[-20]["timestamp"])


def test_a_finding_is_listed_marked_in_the_charts_and_said_to_be_no_fault(new_page: NewPage, start: float) -> None:
    page = new_page()
    page.goto(f"/findings?device={DEVICE}&kind=spike")
    row = page.locator(".finding").filter(has_text="Temperature 70")
    expect(row).to_contain_text(f"{DEVICE} · Temperature")
    expect(row).to_contain_text("% sure")
    expect(page.locator("#state")).to_contain_text("watched")
    row.get_by_role("button", name="Not real").click()
    expect(row.get_by_role("button", name="Not real")).to_have_attribute("aria-pressed", "true")
    page.reload()
    expect(row.get_by_role("button", name="Not real")).to_have_attribute("aria-pressed", "true")
    row.get_by_role("button", name="Not real").click()
    expect(row.get_by_role("button", name="Not real")).to_have_attribute("aria-pressed", "false")
    row.get_by_role("link", name="Show it in the chart").click()
    mark = page.locator(".finding-mark[data-kind=spike]").first
    expect(mark).to_be_visible()
    expect(mark).to_have_attribute("aria-label", re.compile(f"{DEVICE}: Temperature 70"))
    page.goto("/")
    page.locator("#model").select_option("sensor")
    page.get_by_label("Find a device").fill(DEVICE)
    page.locator("#windows").get_by_text("5 min", exact=True).click()
    page.locator("#field").select_option("temperature")
    expect(page.locator(f"live-chart[data-device={DEVICE}] .finding-mark[data-kind=spike]")).to_be_visible()


def test_an_empty_list_says_what_it_does_and_fits_a_phone(new_page: NewPage) -> None:
    page = new_page(viewport={"width": 360, "height": 700})
    page.goto("/findings?device=nobody")
    expect(page.locator("#empty")).to_contain_text("learned for an hour")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize(("colours", "size"), [("light", None), ("dark", {"width": 360, "height": 700})])
def test_axe_finds_nothing_and_nothing_is_wider_than_a_phone(
    new_page: NewPage, start: float, colours: str, size: dict[str, int] | None
) -> None:
    page = new_page(color_scheme=colours, **({"viewport": size} if size else {}))
    for address in ("/findings", "/findings?device=nobody"):
        page.goto(address)
        expect(page.locator(".finding").first if address == "/findings" else page.locator("#empty")).to_be_visible()
        assert not has_sideways_scroll(page), address
        assert axe_faults(page) == [], address
