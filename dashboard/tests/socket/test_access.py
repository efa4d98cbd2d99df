"""Who may use the live socket, what they may say to it, and how the hub behind it lives."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
import redis
from channels.layers import get_channel_layer
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session

from dashboard.live import going as going_module
from dashboard.live import hub as hub_module
from dashboard.live.frames import Frame
from dashboard.live.hub import hub
from dashboard.live.messages import Entry
from dashboard.tests.socket.conftest import ORIGIN, Communicator, Connect
from dataflow.asgi import application
from validation.spec import ModelSpec

pytestmark = pytest.mark.django_db(transaction=True)


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
    hub().tick(time.time(), time.monotonic() + 1)
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
    monkeypatch.setattr(going_module, "RESTART_S", 0.1)
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
