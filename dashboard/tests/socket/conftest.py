"""What the tests of the live socket share: a browser tab, and readings that arrive; on the real layer and database."""

from __future__ import annotations

import asyncio
import json
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
from django.test import Client
from knox.models import AuthToken

from dashboard.live import hub as hub_module
from dashboard.live import listener as listener_module
from dataflow.asgi import application
from ingest.models import Device
from validation.events import TELEMETRY, Stored, StoredDevice
from validation.spec import ModelSpec
from validation.tests.stored import note, publish_model, store

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
