"""The door for readings that come over HTTP. Like the bridge it lets them in, loses nothing and judges nothing.

A body is cut into messages, one a reading, and each keeps its bytes exactly as they came. All messages of a request are
one batch in one buffer: either all are in, or none.

    Refused   the body cannot be cut into messages, or one of them cannot be filed; nothing was let in
"""

from __future__ import annotations

import functools
import re
import threading
from typing import Any

import msgspec
import orjson
from django.conf import settings

from ingest.envelope import Minutes, batch_of
from ingest.names import DEVICE_NAME
from ingest.ring import Appended, NoBufferAvailable, Ring
from ingest.topics import InvalidTopic, check_topic, is_platform
from ingest.wake import Waker
from ingest.watching import Watch

SOURCE = "http"
# Messages of one request. It bounds what a worker has to judge at once; the bridge's own batches hold 500.
MAX_MESSAGES = 10_000
LOCK_WAIT_S = 5.0  # for the requests before this one; each takes a millisecond unless buffers are failing

_IS_DEVICE = re.compile(DEVICE_NAME, re.ASCII)
_one_by_one = msgspec.json.Decoder(list[msgspec.Raw])


class Refused(ValueError):
    """A request cannot be let in: a stable code, a sentence for people, and which part of the request is meant."""

    def __init__(self, code: str, detail: str, attr: str | None = None) -> None:
        super().__init__(detail)
        self.code, self.detail, self.attr = code, detail, attr


def messages_of(body: bytes, topic: str | None, topic_of_device: str) -> tuple[list[bytes], list[bytes]]:
    """Cut a JSON body into the topics and payloads of its messages. Pure.

    All go to `topic` when it is given, else each to `topic_of_device` with the `device_id` that its reading names.
    Raises Refused.
    """
    value = _decoded(body)
    if isinstance(value, list):
        readings, payloads = value, [bytes(raw) for raw in _one_by_one.decode(body)]
    else:
        readings, payloads = [value], [body]
    if topic is not None:
        return [_checked(topic)] * len(payloads), payloads
    many = isinstance(value, list)
    return [_filed(reading, topic_of_device, n if many else None) for n, reading in enumerate(readings)], payloads


def _decoded(body: bytes) -> Any:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refused("not_json", f"The body is not JSON that can be read: {error}.") from error
    if not isinstance(value, dict | list):
        raise Refused("not_a_reading", "Expected an object, or an array of objects.")
    if value == []:
        raise Refused("empty_array", "The array holds no reading.")
    if len(value) > MAX_MESSAGES and isinstance(value, list):
        raise Refused("too_many", f"{len(value):,} readings; {MAX_MESSAGES:,} are allowed in a request.")
    return value


def _checked(topic: str) -> bytes:
    try:
        data = check_topic(topic)
    except InvalidTopic as error:
        raise Refused("topic", str(error), "topic") from error
    if is_platform(data):
        raise Refused("platform_topic", f"The topic {topic!r} is the platform's own.", "topic")
    return data


def _filed(reading: Any, topic_of_device: str, place: int | None) -> bytes:
    device = reading.get("device_id") if isinstance(reading, dict) else None
    attr = "device_id" if place is None else f"{place}.device_id"
    if device is None:
        raise Refused("no_device", "Name the device in device_id, or give a topic in the address.", attr)
    if not isinstance(device, str) or not _IS_DEVICE.fullmatch(device):
        detail = f"{str(device)[:80]!r} cannot name a device: letters, digits and _ . : - only, 64 at most."
        raise Refused("device_name", detail, attr)
    return topic_of_device.replace("{device_id}", device).encode()


class HttpDoor:
    """Append what comes over HTTP to the ring, from any thread, one request at a time."""

    def __init__(self, ring: Ring, waker: Waker) -> None:
        self._ring, self._waker = ring, waker
        self._minutes = Minutes()
        self._lock = threading.Lock()

    def let_in(self, topics: list[bytes], payloads: list[bytes]) -> Appended:
        """Put messages into a buffer and wake its workers; afterwards the messages are as safe as the buffer.

        Blocks for some seconds at most. Raises NoBufferAvailable: then nothing was let in, and whoever sent it must
        keep it.
        """
        if not self._lock.acquire(timeout=LOCK_WAIT_S):
            raise NoBufferAvailable("the requests before this one are still waiting for a buffer")
        try:
            appended = self._ring.append(batch_of(SOURCE, self._minutes, topics, payloads))
        finally:
            self._lock.release()
        self._waker.wake(appended.buffer)
        return appended


@functools.cache
def http_door() -> HttpDoor:
    """Return this process's door, opening it the first time."""
    waker = Waker(settings.REDIS_URL, settings.DRAIN_TASK)
    waker.start()
    ring = Ring(settings.BUFFER_URLS)
    Watch(ring, settings.BUFFER_URLS, settings.BUFFER_FILL_PERCENT, settings.BUFFERS_MAX_MB).start()
    return HttpDoor(ring, waker)
