"""The page for questions, as somebody uses it who wants to know what happened."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Watch
from tests.browser.pages import axe_faults, drawn_share_of, has_sideways_scroll
from tests.visitor import Program

NewPage = Callable[..., Page]
PHONE = {"width": 360, "height": 740}
WAIT_S = 20.0  # for a worker, on a machine whose two cores also run the stack and the browser
READINGS = 120  # one every ten seconds, up to now: 10.0, 10.1, … 21.9 degrees


@pytest.fixture(scope="module")
def asked_about(api: Program) -> str:
    """Return a sensor that warms from 10 to 21.9 degrees within the last twenty minutes, while it dries."""
    now = int(time.time())
    for name, warmer in (("attic", 0.0), ("porch", -5.0)):
        readings = [
            {
                "device_id": name,
                "timestamp": now - 10 * (READINGS - step),
                "temperature": round(10 + step / 10 + warmer, 1),
                "humidity": round(90 - step / 4, 2),
            }
            for step in range(READINGS)
        ]
        api.post(f"/bridge/ingest?topic=sensors/{name}/telemetry", readings)
    question = {"question": "How many readings did porch send in the last hour?"}
    deadline = time.monotonic() + WAIT_S
    while f"{READINGS} readings" not in api.post("/ai/ask", question)["answer"]:
        assert time.monotonic() < deadline, "the readings are still not stored"
        time.sleep(0.2)
    charted = {"field": "sensor.temperature", "device": "attic", "duration": "1h"}
    while sum(p[1] is not None for one in api.get("/api/v1/series", **charted)["series"] for p in one["points"]) < 15:
        # Charts may come out of rollups, which a task makes within seconds.
        assert time.monotonic() < deadline + WAIT_S, "there is nothing to draw yet"
        time.sleep(0.2)
    return "attic"


# What is asked, what the answer says, how many rows it rests on (None: not looked at), and whether there is a chart.
TEN = [
    ("What is the current temperature of attic?", r"temperature of attic is 21\.9 °C", 1, False),
    ("What was the average temperature of attic in the last hour?", r"was 15\.95 °C \(120 readings\)", 1, True),
    ("maximum temperature of attic in the last hour", r"highest temperature of attic .* was 21\.9 °C", 1, True),
    ("How many readings did attic send in the last hour?", r"attic sent 120 readings", 1, False),
    ("When was attic coldest in the last hour?", r"lowest .*, with 10 °C", 1, True),
    ("How long was attic above 15 °C in the last hour?", r"above 15 °C for 11 min 20 s", 1, True),
    ("Is the temperature of attic rising? – last hour", r"rose by 36 °C an hour", 1, True),
    ("Compare the average temperature of attic and porch in the last hour", r"5 °C higher than the 10\.95 °C", 2, True),
    ("Does humidity of attic depend on temperature in the last hour?", r"correlation −1\.00 .*not mean", None, True),
    ("Which device had the highest temperature in the last hour?", r"had the highest temperature of \d+", None, None),
]  # fmt: skip


def ask(page: Page, question: str) -> None:
    page.get_by_role("textbox", name="Question").fill(question)
    page.get_by_role("textbox", name="Question").press("Enter")
    expect(page).to_have_url(re.compile(r"\?q="))
    expect(page.locator("#result")).to_have_attribute("aria-busy", "false")


def test_ten_questions_get_right_answers_with_rows_the_query_and_charts(
    new_page: NewPage, watch: Watch, asked_about: str
) -> None:
    page = new_page()
    page.goto("/ask")
    for question, said, rows, has_chart in TEN:
        ask(page, question)
        expect(page.locator("#answer")).to_have_text(re.compile(said))
        shown = page.locator("#rows tbody tr")
        if rows is not None:
            expect(shown).to_have_count(rows)
        assert shown.count() > 0, question
        assert page.locator("#sql").text_content(), question
        if has_chart:
            expect(page.locator("#plot canvas")).to_be_visible()
            assert drawn_share_of(page.locator("#plot canvas")) > 0.2, question
        elif has_chart is False:
            expect(page.locator("#chart")).to_be_hidden()
    assert watch.errors == []
    assert watch.strangers == []


def test_a_doubtful_question_is_asked_back_and_a_suggestion_answers_it(new_page: NewPage, asked_about: str) -> None:
    page = new_page()
    page.goto("/ask")
    ask(page, "What is the avrage temperature of atic?")
    expect(page.locator("#answer")).to_contain_text("Did you mean")
    expect(page.locator("#rows")).to_be_hidden()
    ask(page, "What was the average of attic in the last hour?")
    page.get_by_role("list", name="Questions that would be clear").get_by_role("link").first.click()
    expect(page.locator("#answer")).to_contain_text("average")
    page.go_back()
    expect(page.locator("#answer")).to_contain_text("Which field do you mean")


def test_an_example_is_answered_and_what_is_hostile_is_only_text(
    new_page: NewPage, watch: Watch, asked_about: str
) -> None:
    page = new_page()
    page.goto("/ask")
    page.locator("#examples a").first.click()
    expect(page.locator("#answer")).to_have_attribute("data-outcome", re.compile("answer|no_data"))
    ask(page, "<img src=x onerror=alert(1)> \"'; DROP TABLE ingest_device; --")
    expect(page.locator("#answer")).to_have_attribute("data-outcome", "ask_back")
    assert page.locator("#result img").count() == 0
    assert watch.errors == []


@pytest.mark.parametrize(("colours", "size"), [("light", None), ("dark", PHONE)])
def test_axe_finds_nothing_and_nothing_is_wider_than_a_phone(
    new_page: NewPage, asked_about: str, colours: str, size: dict[str, int] | None
) -> None:
    page = new_page(color_scheme=colours, **({"viewport": size} if size else {}))
    for question in ("", TEN[5][0], TEN[7][0], "What was the average of attic in the last hour?"):
        page.goto(f"/ask?q={question}")
        page.wait_for_load_state("networkidle")
        if page.locator("#asked").is_visible():
            page.locator("#asked summary").click()
        assert not has_sideways_scroll(page), question
        assert axe_faults(page) == [], question
