"""The live socket, on the real channel layer and database."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import redis
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from channels.layers import get_channel_layer
from channels.testing import WebsocketCommunicator
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from knox.models import AuthToken

from dashboard.live import hub as hub_module
from dashboard.live import listener as listener_module
from dashboard.live.frames import Frame
from dashboard.live.hub import hub
from dashboard.live.messages import Entry
from dataflow.asgi import application
from ingest.models import Device
from validation.events import TELEMETRY, Stored, StoredDevice
from validation.models import Latest
from validation.spec import ModelSpec
from validation.tests.stored import VAN_FIELDS, instant, note, publish_model, store

pytestmark = pytest.mark.django_db(transaction=True)
ORIGIN = "http://127.0.0.1:8000"
Connect = Callable[..., Any]


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a second pass in a tenth of one."""
    monkeypatch.setattr(hub_module, "TICK_S", 0.1)
    monkeypatch.setattr(hub_module, "REREAD_S", 0.5)
    monkeypatch.setattr(hub_module, "SPARING", 1.0)
    monkeypatch.setattr(listener_module, "FIRST_PAUSE_S", 0.1)


@pytest.fixture
def spec(transactional_db: None) -> ModelSpec:
    found = publish_model()
    for name in ("van_1", "van_2", "van_3"):
        store(found, name, [(time.time() - 1, {"speed": 10.0, "gear": 1})])
    return found


@pytest.fixture
def user(transactional_db: None) -> User:
    return User.objects.create_user("charlie")


@pytest.fixture
def session(user: User) -> str:
    client = Client()
    client.force_login(user)
    return str(client.cookies["sessionid"].value)


@pytest.fixture
def token(user: User) -> str:
    return str(AuthToken.objects.create(user)[1])


class Communicator(WebsocketCommunicator):  # type: ignore[misc]  # channels has no types
    """Channels' own one keeps threads from giving their database connections back, which exhausts the pool."""

    async def send_input(self, message: Any) -> None:
        await ApplicationCommunicator.send_input(self, message)  # type: ignore[no-untyped-call]

    async def receive_output(self, timeout: float = 1) -> Any:
        return await ApplicationCommunicator.receive_output(self, timeout)  # type: ignore[no-untyped-call]


class Page:
    """A browser tab: applies the snapshot and the frames after it, and asks again after a gap."""

    def __init__(self, communicator: Communicator) -> None:
        self.communicator = communicator
        self.devices: dict[str, Any] = {}
        self.points: dict[str, list[Any]] = {}
        self.seq = 0
        self.gaps = 0
        self.wanted: dict[str, Any] = {}

    async def subscribe(self, **wanted: Any) -> dict[str, Any]:
        self.wanted = {"type": "subscribe", "model": "van", **wanted}
        await self.send(self.wanted)
        while True:
            message = await self.receive()
            if message["type"] == "snapshot":
                return message

    async def send(self, message: Any) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        await self.communicator.send_to(text_data=text)

    async def receive(self) -> dict[str, Any]:
        """Return the next message, after applying it."""
        message: dict[str, Any] = json.loads(await self.communicator.receive_from(timeout=5))
        if message["type"] == "snapshot":
            self.seq = message["seq"]
            self.devices = {entry["device_id"]: entry for entry in message["devices"]}
        elif message["type"] == "latest_data":
            for entry in message["devices"]:
                for name, points in entry.pop("points").items():
                    self.points.setdefault(name, []).extend(points)
                self.devices[entry["device_id"]] = entry
            if message["seq"] != self.seq + 1:
                self.gaps += 1
                await self.send(self.wanted)
            self.seq = message["seq"]
        return message

    async def frame(self) -> dict[str, Any]:
        """Return the next frame."""
        while True:
            message = await self.receive()
            if message["type"] == "latest_data":
                return message

    async def follow(self, seconds: float) -> None:
        """Take what comes for a while."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            await self.receive()

    async def until(self, condition: Callable[[], bool], seconds: float = 15) -> None:
        """Take what comes until something is true."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, "it never became true"
            await self.receive()

    async def closed(self) -> int:
        """Take what comes until the server closes; return its code."""
        while True:
            output = await self.communicator.receive_output(timeout=5)
            if output["type"] == "websocket.close":
                return int(output["code"])


@pytest.fixture
async def connect(session: str) -> AsyncIterator[Connect]:
    """Return a function that opens a socket, as a signed-in browser unless told otherwise."""
    opened: list[Communicator] = []

    async def open_socket(headers: dict[str, str] | None = None) -> Page:
        if headers is None:
            headers = {"origin": ORIGIN, "cookie": f"sessionid={session}"}
        pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
        communicator = Communicator(application, "/ws/live", headers=pairs)
        accepted, _ = await communicator.connect(timeout=5)
        if not accepted:
            raise ConnectionRefusedError
        opened.append(communicator)
        return Page(communicator)

    yield open_socket
    for communicator in opened:
        await communicator.disconnect()
    await asyncio.sleep(0.05)  # the hub leaves its group


async def arrive(spec: ModelSpec, device: str, values: dict[str, Any], *, announced: bool = True) -> float:
    """Let a reading of now be stored and announced as a worker does; return its time."""
    ts = round(time.time(), 6)
    await sync_to_async(note)(spec, (await Device.objects.aget_or_create(name=device))[0], ts, values, ts)
    if announced:
        await announce(device, ts, values)
    return ts


async def announce(device: str, ts: float, values: dict[str, Any]) -> None:
    """Announce a reading."""
    points: dict[str, Any] = {name: [(ts, value)] for name, value in values.items()}
    told = StoredDevice(ts=ts, received_at=round(time.time(), 6), interval_s=None, values=values, points=points)
    message = Stored(type="telemetry.stored", model="van", at=time.time(), devices={device: told})
    for _ in range(5):
        try:
            await get_channel_layer().group_send(TELEMETRY, message)
        except redis.RedisError:  # a connection of the pool that has died with its server
            continue
        return


# --- Who may come in -------------------------------------------------------------------------------------------------


async def test_a_stranger_is_shown_out_with_a_code_that_a_browser_can_see(connect: Connect) -> None:
    for headers in ({"origin": ORIGIN}, {"origin": ORIGIN, "cookie": "sessionid=made-up"}):
        page = await connect(headers)
        assert await page.closed() == 4401


async def test_a_page_of_another_site_gets_no_socket(connect: Connect, session: str) -> None:
    for origin in ("null", "https://evil.example", "http://127.0.0.1.evil.example", "http://127.0.0.1@evil.example"):
        with pytest.raises(ConnectionRefusedError):
            await connect({"cookie": f"sessionid={session}", "origin": origin})
    with pytest.raises(ConnectionRefusedError):
        await connect({"cookie": f"sessionid={session}"})


async def test_a_program_comes_in_with_its_token_and_without_an_origin(
    connect: Connect, token: str, spec: ModelSpec
) -> None:
    page = await connect({"authorization": f"Token {token}"})
    assert len((await page.subscribe())["devices"]) == 3
    for header in ("Token made-up", "Token", f"Bearer {token}", f"Token {token} x", "Token \xff"):
        assert await (await connect({"authorization": header})).closed() == 4401


async def test_another_address_is_refused() -> None:
    communicator = Communicator(application, "/ws/other", headers=[(b"origin", ORIGIN.encode())])
    accepted, _ = await communicator.connect()
    assert not accepted
    await communicator.disconnect()


async def test_who_signs_out_is_shown_out(connect: Connect, spec: ModelSpec, token: str) -> None:
    leaving, staying = await connect(), await connect({"authorization": f"Token {token}"})
    for page in (leaving, staying):
        await page.subscribe()
    await hub().recheck()
    await leaving.frame()
    await Session.objects.all().adelete()
    await hub().recheck()
    assert await leaving.closed() == 4401
    await staying.frame()
    await User.objects.aupdate(is_active=False)
    await hub().recheck()
    assert await staying.closed() == 4401


async def test_a_changed_password_ends_the_sessions_of_before(connect: Connect, user: User) -> None:
    page = await connect()
    user.set_password("another one")
    await user.asave()
    await hub().recheck()
    assert await page.closed() == 4401


# --- What comes ------------------------------------------------------------------------------------------------------


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


# --- What a client may say -------------------------------------------------------------------------------------------


NONSENSE = (
    ("{", "bad_json"),
    ({"type": "shout"}, "unknown_type"),
    ({"type": "subscribe", "model": "boat"}, "unknown_model"),
    ({"type": "subscribe", "model": "van", "fields": ["sped"]}, "unknown_field"),
    ({"type": "subscribe", "model": "van", "devices": 5}, "bad_devices"),
    ({"type": "subscribe", "model": "van'; DROP TABLE x; --\x00"}, "unknown_model"),
)


async def test_a_message_that_makes_no_sense_is_answered_and_the_socket_lives(
    connect: Connect, spec: ModelSpec
) -> None:
    page = await connect()
    for message, code in NONSENSE:
        await page.send(message)
        assert (await page.receive())["code"] == code
    await page.communicator.send_to(bytes_data=b"\xff")
    assert (await page.receive())["code"] == "not_text"
    await page.subscribe()
    await page.frame()


async def test_a_giant_message_ends_the_connection(connect: Connect) -> None:
    page = await connect()
    await page.send("x" * 70_000)
    assert await page.closed() == 4413


async def test_too_many_messages_end_the_connection(connect: Connect) -> None:
    page = await connect()
    for _ in range(61):
        await page.send({"type": "subscribe"})
    assert await page.closed() == 4400


# --- The hub ---------------------------------------------------------------------------------------------------------


async def test_sockets_with_the_same_wish_share_one_encoding(
    connect: Connect, spec: ModelSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = [await connect() for _ in range(5)]
    for page in pages:
        await page.subscribe()
    made: list[int] = []

    def counted(at: float, model: str, entries: list[Entry]) -> Frame:
        made.append(1)
        return Frame(at, model, entries)

    monkeypatch.setattr(hub_module, "Frame", counted)
    hub().tick(time.time(), time.monotonic())
    assert len(made) == 1
    for page in pages:
        await page.frame()


async def test_the_hub_ends_with_its_last_socket_and_another_begins(connect: Connect, spec: ModelSpec) -> None:
    page = await connect()
    first = hub()
    await page.subscribe()
    await page.communicator.disconnect()
    await asyncio.sleep(0.2)
    assert first.ended
    names = {task.get_name() for task in asyncio.all_tasks()}
    assert "live hub" not in names
    members = await get_channel_layer().connection(0).zrange("asgi:group:telemetry", 0, -1)
    assert members == []
    again = await connect()
    assert hub() is not first
    await again.subscribe()
    await again.frame()


async def test_a_part_of_the_hub_that_fails_is_started_again(
    connect: Connect, spec: ModelSpec, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(hub_module, "RESTART_S", 0.1)
    page = await connect()
    await page.subscribe()
    with monkeypatch.context() as patch:
        patch.setattr(hub_module, "selected", None)
        await asyncio.sleep(0.3)
    await page.follow(0.5)
    assert "is started again" in caplog.text
    await page.frame()


@pytest.fixture(autouse=True)
def _nothing_is_left_in_the_layer(settings: Any) -> None:
    """Empty the channel layer before a test: workers of other tests may have announced something."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        for key in client.scan_iter("asgi*"):
            client.delete(key)
