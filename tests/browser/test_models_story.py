"""A data model's whole life in a browser: proposed from traffic, published, published wrong, mended, replayed."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Watch
from tests.browser.pages import SECOND, axe_faults, eventually, has_sideways_scroll
from tests.stack import RunningStack
from tests.visitor import Program

NewPage = Callable[..., Page]
PHONE = {"width": 360, "height": 740}
WAIT_S = 20.0  # for a worker, on a machine whose two cores also run the stack and the browser


class Boats:
    """Two boats that send their depth; the topic is one that no sample model is for."""

    def __init__(self, api: Program) -> None:
        self._api, self.sent = api, 0

    def send(self, count: int, depth: float = 12.5) -> None:
        for _ in range(count):
            self.sent += 1
            reading = {"timestamp": time.time(), "seq": self.sent, "depth": depth, "engine": {"temp": 61.5}}
            self._api.post("/mqtt/publish", {"topic": f"boats/boat_{self.sent % 2}/telemetry", "payload": reading})


@pytest.fixture(scope="module")
def boats(api: Program) -> Boats:
    return Boats(api)


def test_a_model_is_proposed_published_mended_and_replayed_and_the_books_balance(
    new_page: NewPage, watch: Watch, stack: RunningStack, boats: Boats
) -> None:
    before = stack.audit()["quarantined"]
    page = new_page()
    accept_a_proposal(page, boats)
    eventually(page, lambda: stored(stack) == 12, "twelve readings are in the table", WAIT_S)
    publish_a_wrong_maximum(page, boats)
    mend_it(page)
    replay_what_waits(page)
    assert stored(stack) == 17
    assert stack.audit()["quarantined"] == before, "the books balance, and nothing of the boats is in quarantine"
    assert watch.errors == []
    assert watch.strangers == []


def accept_a_proposal(page: Page, boats: Boats) -> None:
    """Let boats send to a topic that no model is for, and take the model that is proposed for what waits."""
    boats.send(12)
    page.goto("/")
    page.get_by_role("link", name="Proposals").click()
    reload_until(page, row(page, "boats/+/telemetry").get_by_text("12"), "twelve messages wait for a model")
    row(page, "boats/+/telemetry").get_by_role("link", name="Propose a model").click()
    expect(page.get_by_role("heading", name="Samples")).to_be_visible()
    page.get_by_label("Name").first.fill("boat")
    page.get_by_role("button", name="Publish and replay what waits").click()
    expect(told(page)).to_contain_text("boat is published")
    wait_until_done(page)
    expect(page.locator("[data-count=stored]")).to_have_text("12")


def publish_a_wrong_maximum(page: Page, boats: Boats) -> None:
    """Refuse by mistake what the boats send, and find it in quarantine with the reason."""
    write_maximum(page, "1")
    page.get_by_role("button", name="Save and publish").click()
    expect(told(page)).to_contain_text("Version 2 is published")
    page.wait_for_timeout(2 * SECOND)  # within which workers judge by it
    boats.send(5)
    page.goto("/admin/validation/quarantined/?model=boat")
    reload_until(page, page.get_by_role("heading", name="5 records"), "five readings are in quarantine")
    group = page.get_by_role("region", name="Groups").locator("tbody tr").first
    expect(group).to_contain_text("/depth")
    expect(group.get_by_role("img")).to_have_attribute("aria-label", re.compile("^5 in the last 24 hours"))
    group.get_by_text("greater than the maximum").click()
    page.get_by_role("link", name="Try it against the draft").click()
    expect(page.get_by_role("heading", name="is refused")).to_be_visible()


def mend_it(page: Page) -> None:
    """Write a better maximum, see what it would change, and publish it."""
    write_maximum(page, "100")
    page.get_by_role("button", name="Save draft", exact=True).click()
    expect(told(page)).to_contain_text("depth maximum 1 → 100")
    page.get_by_role("button", name="See what would change").click()
    expect(page.locator("#trial .facts")).to_contain_text(re.compile(r"Newly pass\s*5"))
    page.get_by_role("button", name="Publish version 3").click()
    expect(told(page)).to_contain_text("Version 3 is published")


def replay_what_waits(page: Page) -> None:
    """See in a dry run that all of it would pass, replay it, and find quarantine empty."""
    page.get_by_role("link", name="5 of it in quarantine").click()
    page.get_by_role("button", name="Replay these 5: dry run first").click()
    wait_until_done(page)
    page.get_by_role("button", name="Replay them: 5 readings will be stored").click()
    expect(page.get_by_role("heading", name=re.compile("^Replay"), level=1)).to_be_visible()
    wait_until_done(page)
    expect(page.locator("[data-count=stored]")).to_have_text("5")
    page.goto("/admin/validation/quarantined/?model=boat")
    expect(page.get_by_role("heading", name="Nothing is in quarantine")).to_be_visible()


def told(page: Page) -> Locator:
    """Return what the page says about the act that led to it."""
    return page.locator(".messagelist")


def row(page: Page, name: str) -> Locator:
    """Return the row of a table that a heading names."""
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name))


def reload_until(page: Page, shown: Locator, what: str) -> None:
    """Open the page again until it shows something that a worker has to do first."""

    def is_shown() -> bool:
        page.reload()
        return shown.count() > 0

    eventually(page, is_shown, what, WAIT_S)


def wait_until_done(page: Page) -> None:
    expect(page.locator("[data-state]")).to_have_text("Done", timeout=WAIT_S * SECOND)


def write_maximum(page: Page, maximum: str) -> None:
    """Open the form of the boats' draft and change the maximum of the depth."""
    page.goto("/admin/validation/datamodel/")
    page.get_by_role("link", name="boat", exact=True).click()
    depth = page.locator("[data-row]").filter(has=page.get_by_role("heading", name="depth"))
    depth.get_by_label("Maximum").fill(maximum)


def stored(stack: RunningStack) -> int:
    """Return how many readings of boats are in their table."""
    ((count,),) = stack.query("SELECT count(*) FROM telemetry.boat")
    return int(count)


def test_the_pages_of_models_fit_a_phone_and_axe_finds_nothing(
    new_page: NewPage, stack: RunningStack, api: Program
) -> None:
    ((model,),) = stack.query("SELECT id FROM validation_datamodel WHERE name = 'vehicle'")
    api.post("/mqtt/publish", {"topic": "yachts/y1/telemetry", "payload": {"depth": 3.5}})
    page = new_page(viewport=PHONE, color_scheme="dark")
    page.goto("/admin/validation/datamodel/proposals/")
    reload_until(page, page.get_by_text("yachts/y1/telemetry"), "a message waits for a model")
    ((record,),) = stack.query("SELECT max(id) FROM validation_quarantined WHERE topic = 'yachts/y1/telemetry'")
    for path in (
        "datamodel/",
        f"datamodel/{model}/change/",
        f"datamodel/{model}/effect/?trial=100&record={record}",
        f"datamodel/{model}/drift/",
        "datamodel/templates/",
        "datamodel/import/",
        "datamodel/proposals/",
        "datamodel/proposals/one/?topics=yachts/y1/telemetry",
        "quarantined/",
        "quarantined/records/",
        f"quarantined/{record}/change/",
        "replay/",
    ):
        page.goto(f"/admin/validation/{path}")
        expect(page.locator("#content h1")).to_be_visible()
        assert not has_sideways_scroll(page), path
        assert axe_faults(page, "#content") == [], path
