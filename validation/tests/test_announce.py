"""What the pages are told: merged, bounded, at most a few times a second, and never in the way of the worker."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from channels.layers import get_channel_layer
from hypothesis import given, settings
from hypothesis import strategies as st

from validation import announce as announcing
from validation.announce import MAX_POINTS, MESSAGE_BYTES, PAUSE_S, WAITING_BYTES, Announcer, Waiting, merged, weight
from validation.events import TELEMETRY, Point, StoredDevice, Value


def device(ts: float, values: dict[str, Value] | None = None, *, points: int = 1, fields: int = 1) -> StoredDevice:
    """Return a device with as many points a field, the last one at `ts`."""
    values = values or {f"field_{number}": ts for number in range(fields)}
    runs: dict[str, list[Point]] = {
        name: [(ts - number / 20, 1.5) for number in reversed(range(points))] for name in values
    }
    return StoredDevice(ts=ts, received_at=ts, interval_s=None, values=values, points=runs)


def size(message: object) -> int:
    """Return how many bytes the layer would carry."""
    return len(get_channel_layer().serialize(message))


class Page:
    """Somebody who listens to the announcements, as a site process does."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []
        self._ready = threading.Event()
        self._end = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._listen()))
        self._thread.start()
        assert self._ready.wait(10)

    async def _listen(self) -> None:
        layer = get_channel_layer()
        channel = await layer.new_channel()
        await layer.group_add(TELEMETRY, channel)
        self._ready.set()
        while not self._end.is_set():
            try:
                async with asyncio.timeout(0.3):
                    message = await layer.receive(channel)
            except TimeoutError:
                continue
            self.heard.append(message)
        await layer.group_discard(TELEMETRY, channel)

    def close(self) -> None:
        self._end.set()
        self._thread.join()

    def wait_for(self, devices: int) -> None:
        """Wait until so many devices were heard of."""
        deadline = time.monotonic() + 30
        while len({name for message in self.heard for name in message["devices"]}) < devices:
            assert time.monotonic() < deadline, self.heard
            time.sleep(0.02)


@pytest.fixture
def page() -> Iterator[Page]:
    page = Page()
    yield page
    page.close()


def test_a_page_hears_at_most_one_message_a_pause_and_misses_no_point(page: Page) -> None:
    announcer = Announcer()
    for number in range(200):
        announcer.announce("vehicle", {"vehicle_01": device(number)})
        time.sleep(0.005)
    announcer.announce("vehicle", {"the_last": device(1)})
    page.wait_for(2)
    sent = [message["at"] for message in page.heard]
    assert len(sent) >= 3
    assert all(later - earlier > 0.95 * PAUSE_S for earlier, later in pairwise(sent))
    found = [message["devices"]["vehicle_01"] for message in page.heard if "vehicle_01" in message["devices"]]
    assert [ts for one in found for ts, _ in one["points"]["field_0"]] == list(range(200))
    assert page.heard[0]["type"] == "telemetry.stored"


def test_each_model_has_a_message_of_its_own(page: Page) -> None:
    announcer = Announcer()
    announcer.announce("vehicle", {"vehicle_01": device(1)})
    announcer.announce("sensor", {"sensor_001": device(2)})
    page.wait_for(2)
    assert {message["model"] for message in page.heard} == {"vehicle", "sensor"}


def test_more_than_a_message_may_weigh_comes_in_several_each_well_below_a_megabyte(page: Page) -> None:
    Announcer().announce(
        "vehicle", {f"vehicle_{number}": device(number, points=100, fields=6) for number in range(100)}
    )
    page.wait_for(100)
    assert len(page.heard) == 3
    assert all(size(message) <= MESSAGE_BYTES for message in page.heard)


def test_what_waits_when_the_process_ends_is_sent_before_its_thread_is_gone(page: Page) -> None:
    announcer = Announcer()
    announcer.announce("vehicle", {f"vehicle_{number}": device(number, points=100, fields=6) for number in range(100)})
    announcer.end()
    assert not vars(announcer)["_thread"].is_alive()
    page.wait_for(100)


@pytest.mark.parametrize("answers", [False, True], ids=["refuses", "hangs"])
def test_a_layer_that_is_away_neither_raises_nor_holds_anybody_up(
    settings: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, answers: bool
) -> None:
    # A socket that listens takes connections and never says a word; one that does not refuses them.
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        if answers:
            nobody.listen()
        address = f"redis://127.0.0.1:{nobody.getsockname()[1]}/0"
        layers = settings.CHANNEL_LAYERS
        settings.CHANNEL_LAYERS = {
            "default": {
                "BACKEND": "channels_redis.core.RedisChannelLayer",
                "CONFIG": {"hosts": [{"address": address, "socket_timeout": None}]},
            }
        }
        monkeypatch.setattr(announcing, "SEND_TIMEOUT_S", 0.2)
        announcer = Announcer()
        began = time.monotonic()
        for number in range(100):
            announcer.announce("vehicle", {"vehicle_01": device(number)})
            time.sleep(0.01)
        assert time.monotonic() - began < 10, "waiting for the layer each time would take 20 s"
        assert caplog.text.count("cannot announce") == 1, "said once, and not for every try"
    settings.CHANNEL_LAYERS = layers
    page = Page()
    announcer.announce("vehicle", {"back_again": device(1)})
    page.wait_for(1)
    page.close()


def test_what_waits_is_merged_by_device_and_keeps_the_newest_values() -> None:
    known, late = device(10, {"speed": 50.0}), device(5, {"speed": 20.0, "heading": 90.0}, points=2)
    both = merged(known, {**late, "received_at": 99.0})
    assert (both["ts"], both["values"], both["received_at"]) == (10, {"speed": 50.0}, 99.0)
    assert both["points"]["speed"] == [(10, 1.5), (4.95, 1.5), (5, 1.5)]
    assert both["points"]["heading"] == late["points"]["heading"]
    assert known["points"]["speed"] == [(10, 1.5)], "what was given is left as it was"


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["vehicle", "sensor"]),
            st.integers(0, 30),
            st.integers(0, 30_000),
            st.integers(1, 40),
            st.integers(0, 60_000),
        ),
        max_size=30,
    )
)
def test_no_flood_makes_a_message_or_what_waits_grow_beyond_its_bound(
    floods: list[tuple[str, int, int, int, int]],
) -> None:
    waiting = Waiting()
    for number, (model, name, points, fields, length) in enumerate(floods):
        found = device(number, fields=fields)
        found["values"]["words"] = "é" * length
        found["points"]["field_0"] = [(1.7e9, 1.5)] * points
        waiting.add(model, f"device_{name}", found)
        waiting_now = [waiting._devices[key] for key in waiting._devices]
        assert sum(weight("", one) for one in waiting_now) <= WAITING_BYTES
        assert all(sum(map(len, one["points"].values())) <= MAX_POINTS for one in waiting_now)
    while waiting:
        taken = waiting.take()
        assert sum(map(len, taken.values())) >= 1
        assert size(taken) <= MESSAGE_BYTES
    assert waiting.take() == {}


def test_the_largest_device_there_can_be_stays_below_a_megabyte() -> None:
    values: dict[str, Value] = {f"{number:0>63}": 1.7e9 for number in range(499)}
    huge = device(1.7e9, values, points=5_000)
    huge["values"]["words"] = "x" * 262_144
    waiting = Waiting()
    waiting.add("vehicle", "v" * 64, huge)
    assert size(waiting.take()) < 1_000_000


def test_a_device_that_found_no_room_goes_first_in_the_next_message() -> None:
    waiting = Waiting()
    for number in range(30):
        waiting.add("vehicle", f"vehicle_{number}", device(number, points=1_000, fields=5))
    turns = []
    for _ in range(3):
        waiting.add("vehicle", "vehicle_0", device(99, points=1_000, fields=5))
        turns.append(list(waiting.take()["vehicle"]))
    assert turns[0][0] == "vehicle_0"
    assert turns[1][0] == f"vehicle_{len(turns[0])}"
    assert "vehicle_0" not in turns[1]


def test_when_even_waiting_has_no_room_those_that_wait_longest_are_left_out() -> None:
    waiting = Waiting()
    for number in range(100):
        waiting.add("vehicle", f"vehicle_{number}", device(number, points=1_000, fields=5))
    names = []
    while waiting:
        names += list(waiting.take()["vehicle"])
    assert names[-1] == "vehicle_99"
    assert 30 < len(names) < 50


NAMES = st.integers(1, 63).map("n".__mul__)
TEXTS = st.builds(str.__mul__, st.sampled_from("xé€𐀀"), st.integers(0, 70_000))
VALUES = st.none() | st.booleans() | st.floats() | st.integers(-(2**63), 2**63 - 1) | TEXTS


@settings(max_examples=30, deadline=None)
@given(name=NAMES, values=st.dictionaries(NAMES, VALUES, max_size=10), points=st.integers(0, 50))
def test_a_device_weighs_no_less_than_its_bytes_in_a_message(name: str, values: dict[str, Value], points: int) -> None:
    runs: dict[str, list[Point]] = {field: [(1.7e9, 1.5)] * points for field in values}
    found = StoredDevice(ts=1.7e9, received_at=1.7e9, interval_s=1.5, values=values, points=runs)
    assert size({name: found}) <= weight(name, found)
