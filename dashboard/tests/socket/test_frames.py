"""What comes over the live socket: a snapshot, and frames that keep it true."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.layers import get_channel_layer

from dashboard.tests.socket.conftest import Connect, Page, announce, arrive
from ingest.models import Device
from validation.models import Latest
from validation.spec import ModelSpec
from validation.tests.stored import VAN_FIELDS, instant, note, publish_model

pytestmark = pytest.mark.django_db(transaction=True)


async def test_a_snapshot_comes_first_and_then_frames_numbered_by_one(connect: Connect, spec: ModelSpec) -> None:
    page = await connect()
    snapshot = await page.subscribe(devices="*", fields="*")
    assert snapshot["seq"] == 0
    assert snapshot["fields"]["speed"] == {"unit": "km/h", "label": "Speed", "kind": "number"}
    assert [(entry["device_id"], entry["status"]) for entry in snapshot["devices"]] == [
        (f"van_{n}", "online") for n in (1, 2, 3)
    ]
    assert [(await page.frame())["seq"] for _ in range(5)] == [1, 2, 3, 4, 5]


async def test_what_is_announced_is_in_the_next_frame(connect: Connect, spec: ModelSpec) -> None:
    page = await connect()
    await page.subscribe()
    await page.follow(0.3)
    ts = await arrive(spec, "van_2", {"speed": 55.5})
    await page.until(lambda: "speed" in page.points)
    entry = page.devices["van_2"]
    assert (entry["status"], entry["ts"], entry["values"]) == ("online", ts, {"speed": 55.5})
    assert page.points["speed"][-1] == [ts, 55.5]


async def test_a_device_is_late_without_anything_arriving(connect: Connect, spec: ModelSpec) -> None:
    await Device.objects.filter(name="van_1").aupdate(expected_interval_s=0.1)
    await Latest.objects.filter(device__name="van_1").aupdate(last_seen_at=instant(time.time() - 4.7))
    page = await connect()
    await page.subscribe()
    assert page.devices["van_1"]["status"] == "online"
    await page.until(lambda: page.devices["van_1"]["status"] == "late")
    assert page.devices["van_2"]["status"] == "online"


async def test_a_subscription_is_about_its_devices_and_fields_only(connect: Connect, spec: ModelSpec) -> None:
    page = await connect()
    snapshot = await page.subscribe(devices=["van_2", "van_9"], fields=["gear"])
    assert list(snapshot["fields"]) == ["gear"]
    assert [(entry["device_id"], entry["values"]) for entry in snapshot["devices"]] == [("van_2", {"gear": 1})]
    await page.follow(0.3)
    for name in ("van_1", "van_2", "van_9"):
        await arrive(spec, name, {"speed": 1.0, "gear": 4})
    await page.until(lambda: "van_9" in page.devices)
    assert page.devices.keys() == {"van_2", "van_9"}
    assert page.devices["van_2"]["values"] == {"gear": 4}
    assert page.points.keys() == {"gear"}


async def test_who_asks_for_frames_more_often_gets_them_and_others_do_not(connect: Connect, spec: ModelSpec) -> None:
    quick, usual = await connect(), await connect()
    await quick.subscribe(interval_ms=100)
    await usual.subscribe()
    for _ in range(3):
        await usual.frame()
    usual_frames, quick_frames = usual.seq, 0
    began = time.monotonic()
    while time.monotonic() - began < 1.0:
        await quick.frame()
        quick_frames += 1
    while usual.seq < usual_frames + 5:
        await usual.frame()
    assert quick_frames > 15  # the others have ten: a second passes in a tenth of one here
    ts = await arrive(spec, "van_1", {"speed": 77.0})
    for page in (quick, usual):
        await page.until(lambda page=page: page.devices["van_1"]["ts"] == ts)
        assert page.points["speed"][-1] == [ts, 77.0]
        assert page.gaps == 0


@pytest.mark.parametrize("interval", [99, 1001, 100.0, "100", True, None])
async def test_no_other_interval_is_understood(connect: Connect, spec: ModelSpec, interval: object) -> None:
    page = await connect()
    await page.send({"type": "subscribe", "model": "van", "interval_ms": interval})
    assert (await page.receive())["code"] == "bad_interval_ms"


async def test_a_second_subscription_takes_the_place_of_the_first(connect: Connect, spec: ModelSpec) -> None:
    page = await connect()
    await page.subscribe()
    await page.frame()
    await page.frame()
    snapshot = await page.subscribe(devices=["van_1"])
    assert (snapshot["seq"], len(snapshot["devices"])) == (0, 1)
    assert [(await page.frame())["seq"] for _ in range(3)] == [1, 2, 3]


async def test_a_snapshot_and_its_frames_are_a_fresh_snapshot_also_after_announcements_were_lost(
    connect: Connect, spec: ModelSpec
) -> None:
    page = await connect()
    await page.subscribe()
    chance = random.Random(4)
    devices = {name: await Device.objects.aget(name=name) for name in ("van_1", "van_2", "van_3")}
    start = time.time()
    for number in range(60):
        name, ts = chance.choice(list(devices)), start + chance.uniform(-5, 5)
        values = {"speed": float(number), "gear": number}
        if ts > page_ts(await newest(name)):
            await sync_to_async(note)(spec, devices[name], ts, values, time.time())
        if chance.random() < 0.6:
            await announce(name, ts, values)
        if number % 10 == 0:
            await page.follow(0.1)
    truth = {name: page_ts(await newest(name)) for name in devices}
    await page.until(lambda: {name: entry["ts"] for name, entry in page.devices.items()} == truth)
    await page.follow(0.7)
    fresh = await connect()
    await fresh.subscribe()
    assert page.devices == fresh.devices


async def newest(name: str) -> Latest:
    return await Latest.objects.aget(device__name=name)


def page_ts(row: Latest) -> float:
    return row.ts.timestamp()


async def test_a_loss_of_the_channel_layer_leaves_a_gap_in_the_numbers(connect: Connect, spec: ModelSpec) -> None:
    page = await connect()
    await page.subscribe()
    await page.follow(0.3)
    assert page.gaps == 0
    connection = get_channel_layer().connection(0)
    await connection.client_kill_filter(_type="normal", skipme=False)
    await arrive(spec, "van_1", {"speed": 77.0}, announced=False)
    await page.until(lambda: page.gaps == 1 and page.devices["van_1"]["values"] == {"speed": 77.0})
    await arrive(spec, "van_2", {"speed": 88.0})
    await page.until(lambda: [value for _, value in page.points.get("speed", [])][-1:] == [88.0])
    assert page.gaps == 1


async def test_without_the_channel_layer_the_page_lives_from_the_database(
    connect: Connect, spec: ModelSpec, settings: Any
) -> None:
    layer = {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": {"hosts": ["redis://127.0.0.1:1"]}}
    settings.CHANNEL_LAYERS = {"default": layer}
    page = await connect()
    await page.subscribe()
    await arrive(spec, "van_1", {"speed": 77.0}, announced=False)
    await page.until(lambda: page.devices["van_1"]["values"] == {"speed": 77.0})


async def test_without_the_database_a_subscription_is_an_error_and_open_ones_go_on(
    connect: Connect, spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.db import OperationalError

    page = await connect()
    await page.subscribe()

    def fail(**_: object) -> None:
        raise OperationalError("gone")

    with monkeypatch.context() as patch:
        patch.setattr("validation.selectors.newest", fail)
        await page.follow(1.0)
        await arrive(spec, "van_2", {"speed": 88.0})
        await page.until(lambda: page.devices["van_2"]["values"] == {"speed": 88.0})
        await publish_other()
        await page.send({"type": "subscribe", "model": "room"})
        assert (await error(page))["code"] == "unavailable"
    await page.frame()
    await page.send({"type": "subscribe", "model": "room"})
    while (await page.receive())["type"] != "snapshot":
        pass


async def publish_other() -> None:
    await sync_to_async(publish_model)("room", ({"name": "warmth"},))


async def error(page: Page) -> dict[str, Any]:
    while True:
        message = await page.receive()
        if message["type"] == "error":
            return message


async def test_a_new_version_of_the_model_makes_pages_ask_for_its_fields(connect: Connect, spec: ModelSpec) -> None:
    page = await connect()
    await page.subscribe()
    await sync_to_async(publish_model)("van", (*VAN_FIELDS, {"name": "load"}))
    await page.until(lambda: page.gaps == 1)
    while (message := await page.receive())["type"] != "snapshot":
        pass
    assert "load" in message["fields"]
