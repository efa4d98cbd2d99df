"""What the live page does when the connection, the API or a device fails."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, Route, WebSocketRoute, expect

from tests.browser.pages import SECOND, charts, drawn_share, eventually, open_live, wait_until_live, word

NewPage = Callable[..., Page]
WAITING = re.compile(r"^Reconnecting in \d+ s$")
DOWN = {"type": "server_error", "errors": [{"code": "unavailable", "detail": "No database.", "attr": None}]}


class Wire:
    """Stands between the page and the real socket of the site: it can cut it, mute it, and leave out frames."""

    def __init__(self, page: Page) -> None:
        self.routes: list[WebSocketRoute] = []
        self.subscriptions: list[dict[str, Any]] = []
        self.is_muted = False
        self.is_refusing = False
        self.skip = 0
        self.silent_device = ""
        page.route_web_socket(re.compile("/ws/live$"), self._connect)

    def cut(self) -> None:
        self.routes[-1].close()

    def _connect(self, route: WebSocketRoute) -> None:
        self.routes.append(route)
        if self.is_refusing:
            route.close()
            return
        server = route.connect_to_server()
        server.on_message(lambda text: self._down(route, str(text)))
        route.on_message(lambda text: self._up(server, str(text)))

    def _up(self, server: WebSocketRoute, text: str) -> None:
        message = json.loads(text)
        if message["type"] == "subscribe":
            self.subscriptions.append(message)
        server.send(text)

    def _down(self, route: WebSocketRoute, text: str) -> None:
        frame = json.loads(text)
        if self.is_muted:
            return
        if self.skip and frame["type"] == "latest_data":
            self.skip -= 1
            return
        if "devices" not in frame:
            route.send(text)
            return
        frame["devices"] = [each for each in frame["devices"] if each["device_id"] != self.silent_device]
        route.send(json.dumps(frame))


def counted(page: Page, part: str) -> list[str]:
    """Collect the requests from now on whose address contains a part."""
    addresses: list[str] = []
    page.on("request", lambda request: addresses.append(request.url) if part in request.url else None)
    return addresses


def test_the_page_comes_back_after_the_site_was_restarted(new_page: NewPage, restart_site: Callable[[], None]) -> None:
    page = new_page()
    open_live(page, "?window=1m")
    restart_site()
    wait_until_live(page, 40)
    expect(page.locator("#problem")).to_be_hidden(timeout=10 * SECOND)
    expect(charts(page).first.locator(".status")).to_have_text("online", timeout=20 * SECOND)


def test_a_lost_connection_is_said_counted_down_and_mended_without_a_hole(new_page: NewPage) -> None:
    page = new_page()
    wire = Wire(page)
    open_live(page, "?window=1m")
    eventually(page, lambda: drawn_share(page) > 0.25, "some history is drawn", 40)
    wire.is_refusing = True
    wire.cut()
    expect(word(page)).to_have_text(WAITING)
    expect(page.locator("#announcement")).to_have_text("Connection lost, reconnecting.")
    expect(page.locator("#problem")).to_contain_text("What you see was received until")
    wire.is_refusing = False
    histories = counted(page, "/history?")
    page.get_by_role("button", name="Retry now").click()
    wait_until_live(page)
    expect(page.locator("#problem")).to_be_hidden()
    eventually(page, lambda: len(histories) >= 10, "the charts read what they missed")


def test_a_connection_on_which_nothing_comes_is_dropped_and_nobody_is_called_late(new_page: NewPage) -> None:
    page = new_page()
    # The API would still tell how the devices are.
    wire = Wire(page)
    open_live(page)
    page.route("**/api/**", lambda route: route.fulfill(status=503, json=DOWN))
    wire.is_muted = True
    expect(charts(page).first.locator(".status")).to_have_text("unknown", timeout=8 * SECOND)
    expect(word(page)).to_have_text(WAITING, timeout=8 * SECOND)
    expect(page.locator("#counts")).to_contain_text("10 unknown")
    expect(page.locator("#problem")).to_contain_text("HTTP 503: No database")
    wire.is_muted = False
    page.unroute("**/api/**")
    wait_until_live(page)
    expect(charts(page).first.locator(".status")).to_have_text("online")


def test_a_frame_that_is_lost_on_the_way_is_noticed_and_made_up_for(new_page: NewPage) -> None:
    page = new_page()
    wire = Wire(page)
    open_live(page)
    page.wait_for_timeout(1500)
    histories = counted(page, "/history?")
    wire.skip = 1
    eventually(page, lambda: len(histories) >= 10, "history is read again")
    eventually(page, lambda: len(wire.subscriptions) == 2, "a fresh snapshot is asked for")
    assert wire.subscriptions[0] == wire.subscriptions[1]
    page.wait_for_timeout(2 * SECOND)
    assert len(wire.subscriptions) == 2, "one lost frame is one re-read"
    expect(word(page)).to_have_text("Live")


def test_a_device_that_falls_silent_is_greyed_with_its_age_and_its_line_ends(new_page: NewPage) -> None:
    page = new_page()
    wire = Wire(page)
    open_live(page, "?window=1m")
    name = charts(page).first.locator(".chart-name").inner_text()
    seen: dict[str, Any] = {}

    def without_news(route: Route) -> None:
        rows = route.fetch().json()
        for row in rows:
            if row["device_id"] == name:
                row["last_seen"] = seen.setdefault("at", row["last_seen"])
        route.fulfill(json=rows)

    page.route("**/api/devices/status", without_news)
    wire.silent_device = name
    chart = charts(page).first
    expect(chart.locator(".status")).to_have_text("late", timeout=40 * SECOND)
    expect(chart.locator(".chart-overlay")).to_have_text(re.compile(r"^no reading for \d+ s$"))
    expect(charts(page).nth(1).locator(".status")).to_have_text("online")
    expect(page.locator("#counts")).to_contain_text("1 late")


def test_an_empty_site_says_the_next_step_and_fills_by_itself(new_page: NewPage) -> None:
    page = new_page()
    page.route("**/api/devices/status", lambda route: route.fulfill(json=[]))
    page.goto("/")
    expect(page.get_by_role("heading", name="No device has sent anything yet")).to_be_visible()
    expect(page.get_by_text("python manage.py simulate_devices")).to_be_visible()
    expect(page.get_by_text(re.compile("^mosquitto_pub -h .* -t vehicles/vehicle_01/telemetry"))).to_be_visible()
    expect(word(page)).to_have_text("Waiting for data")
    page.unroute("**/api/devices/status")
    wait_until_live(page)
    expect(page.get_by_role("heading", name="No device has sent anything yet")).to_be_hidden()
    expect(charts(page).first).to_be_visible()


def test_a_device_that_registers_appears_without_a_reload(new_page: NewPage) -> None:
    page = new_page()
    wire = Wire(page)
    hidden = {"is": True}

    def without_the_tenth(route: Route) -> None:
        rows = route.fetch().json()
        route.fulfill(json=[row for row in rows if not (hidden["is"] and row["device_id"] == "vehicle_10")])

    page.route("**/api/devices/status", without_the_tenth)
    wire.silent_device = "vehicle_10"
    open_live(page)
    expect(charts(page)).to_have_count(9)
    hidden["is"] = False
    wire.silent_device = ""
    expect(charts(page)).to_have_count(10, timeout=5 * SECOND)


def test_a_session_that_ended_leads_to_the_sign_in_and_back(new_page: NewPage) -> None:
    page = new_page()
    wire = Wire(page)
    open_live(page, "?window=15m")
    page.context.clear_cookies()
    wire.cut()
    page.wait_for_url(re.compile(r"/login/?\?next=%2F%3Fwindow%3D15m"), timeout=10 * SECOND)


def test_without_the_api_the_page_says_so_and_recovers(new_page: NewPage) -> None:
    page = new_page()
    page.route("**/api/**", lambda route: route.abort())
    page.goto("/")
    expect(page.locator("#problem")).to_contain_text("The site does not answer")
    started = time.monotonic()
    page.unroute("**/api/**")
    wait_until_live(page)
    assert time.monotonic() - started < 8
    expect(page.locator("#problem")).to_be_hidden()
