"""Tell the pages what was stored: best effort, never in the way of the worker, at most twenty times a second.

Readings are merged per device while they wait, so a page that lags gets the newest values and not a queue. The channel
layer is asynchronous; it runs on a thread of its own with one loop, so that its connections last.

Bounds, so that no flood reaches the layer or fills the memory: a device brings MAX_POINTS points at most; what is sent
at once is about MESSAGE_BYTES and below twice that; what waits is WAITING_BYTES at most. Devices that find no room in
one turn go first in the next. Where ENOUGH_BYTES wait, the devices of a chunk take turns, chunk after chunk; when even
waiting has no room, those that wait longest are left out: the pages read the newest rows anew every few seconds.
"""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import threading
import time
from collections import defaultdict

from channels.layers import get_channel_layer

from validation.columns import Columns
from validation.events import TELEMETRY, Stored, StoredDevice, Value
from validation.newest import in_turn, newest, stored_devices

log = logging.getLogger(__name__)

# Seconds between announcements of one worker process: few enough for pages that want ten frames a second, and so many
# times as long as an announcement was computed, because the thread that does it shares its processor with the worker.
PAUSE_S, SPARING, LONGEST_PAUSE_S = 0.05, 10.0, 0.25
SEND_TIMEOUT_S = 5.0  # a layer that hangs must not keep the announcer for ever; what waits meanwhile is merged
END_S = 1.0  # for what is left when the process ends; a layer that hangs does not hold up the end longer
# The newest points of one device, and of one field of it; a page re-reads longer histories.
MAX_POINTS, MAX_POINTS_OF_FIELD = 10_000, 1_000
# Half a megabyte holds a second of 1,000 devices with six fields at 5 Hz; every site process receives it all.
MESSAGE_BYTES, WAITING_BYTES = 500_000, 4_000_000
# What is made of a device to be announced costs as much as storing a reading of it, so of thousands no more are made
# than will soon be sent; FEW are never too many.
ENOUGH_BYTES, FEW = 1_000_000, 100
# What a point, and any value but a text, weigh at most in the layer's msgpack; and the rest of a device, roughly.
POINT_BYTES, VALUE_BYTES, DEVICE_BYTES = 19, 11, 150
FIELD_BYTES = 60  # what a field makes, with its name, value and one point

Key = tuple[str, str]  # of a device that waits: model and name


class Waiting:
    """What is still to be announced: by device, in the order of their turns. Not for several threads at once."""

    def __init__(self) -> None:
        self._devices: dict[Key, StoredDevice] = {}
        self._weights: dict[Key, int] = {}
        self._weight = 0

    def __len__(self) -> int:
        return len(self._devices)

    @property
    def room(self) -> int:
        """Return how many bytes may come before enough waits."""
        return max(0, ENOUGH_BYTES - self._weight)

    def add(self, model: str, name: str, device: StoredDevice) -> None:
        """Merge what was stored of a device with what waits of it; leave out others when that is too much."""
        key = model, name
        known = self._devices.get(key)
        device = self._devices[key] = merged(known, device) if known else bounded(device)
        self._weight -= self._weights.get(key, 0)
        self._weights[key] = weight(name, device)
        self._weight += self._weights[key]
        while self._weight > WAITING_BYTES:
            self._pop(next(iter(self._devices)))

    def take(self) -> dict[str, dict[str, StoredDevice]]:
        """Take the next devices out, by model: as many as a message may weigh, and at least one."""
        taken: dict[str, dict[str, StoredDevice]] = defaultdict(dict)
        room = MESSAGE_BYTES
        while self._devices:
            key = next(iter(self._devices))
            room -= self._weights[key]
            if room < 0 and taken:
                break
            model, name = key
            taken[model][name] = self._pop(key)
        return taken

    def _pop(self, key: Key) -> StoredDevice:
        self._weight -= self._weights.pop(key)
        return self._devices.pop(key)


class Announcer:
    """Collect what was stored and send it from a thread of its own. `announce` never blocks for I/O.

    It ends with the process, in order: a thread that is inside compiled code when Python goes away takes the process
    down with it (SIGABRT), and a worker that ended well would look like one that crashed.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting = Waiting()
        self._changed = threading.Event()
        self._told: dict[str, int] = {}  # by model, the device whose turn was last
        self._failing = False
        self._is_ended = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._send()), name="announcer", daemon=True)
        self._thread.start()
        atexit.register(self.end)

    def tell(self, columns: Columns) -> None:
        """Announce what was stored of a model: of all devices, or of those whose turn it is."""
        model = columns.rows.model.spec.name
        most = max(FEW, self._waiting.room // (DEVICE_BYTES + FIELD_BYTES * len(columns.values)))
        items = in_turn(list(newest(columns)), most, self._told.get(model, 0))
        if items:
            self._told[model] = items[-1].device_id
            self.announce(model, stored_devices(columns, items))

    def announce(self, model: str, devices: dict[str, StoredDevice]) -> None:
        """Add what was stored of a model to what goes out next."""
        with self._lock:
            for name, device in devices.items():
                self._waiting.add(model, name, device)
        self._changed.set()

    def end(self) -> None:
        """Send what waits, and nothing more. Blocks for END_S at most."""
        self._is_ended = True
        self._changed.set()
        self._thread.join(END_S)

    async def _send(self) -> None:
        while not self._is_ended or self._waiting:
            # Blocks the loop, which has nothing else to do. A thread of an executor could not be left waiting here:
            # Python joins those before it exits, so the worker would never end.
            self._changed.wait()
            with self._lock:
                taken = self._waiting.take()
                if not self._waiting and not self._is_ended:
                    self._changed.clear()
            began = time.thread_time()  # of the clock it takes longer, because the worker has most of the turns
            for model, devices in taken.items():
                await self._send_one(Stored(type="telemetry.stored", model=model, at=time.time(), devices=devices))
            took = time.thread_time() - began
            if not self._is_ended:
                await asyncio.sleep(min(LONGEST_PAUSE_S, max(PAUSE_S, SPARING * took)))

    async def _send_one(self, message: Stored) -> None:
        try:
            async with asyncio.timeout(SEND_TIMEOUT_S):
                await get_channel_layer().group_send(TELEMETRY, message)
        except Exception as error:  # noqa: BLE001  (a page re-reads what it missed; the worker goes on)
            if not self._failing:
                log.warning("cannot announce to the pages, they will re-read: %r", error)
            self._failing = True
        else:
            self._failing = False


def merged(known: StoredDevice, device: StoredDevice) -> StoredDevice:
    """Return two announcements of one device as one: the newest values, all points in order of arrival."""
    newest = device if device["ts"] >= known["ts"] else known
    points = {field: list(run) for field, run in known["points"].items()}
    for field, run in device["points"].items():
        points[field] = points.get(field, []) + run
    return bounded(
        StoredDevice(
            ts=newest["ts"],
            received_at=max(known["received_at"], device["received_at"]),
            interval_s=newest["interval_s"],
            values=newest["values"],
            points=points,
        )
    )


def bounded(device: StoredDevice) -> StoredDevice:
    """Return an announcement of a device with no more than the newest points that it may bring."""
    most = min(MAX_POINTS_OF_FIELD, MAX_POINTS // max(1, len(device["points"])))
    if all(len(run) <= most for run in device["points"].values()):
        return device
    points = {field: run[-most:] for field, run in device["points"].items()}
    return StoredDevice(
        ts=device["ts"],
        received_at=device["received_at"],
        interval_s=device["interval_s"],
        values=device["values"],
        points=points,
    )


def weight(name: str, device: StoredDevice) -> int:
    """Return about how many bytes a device makes in a message; a little more rather than less."""
    values = sum(len(field) + _weight_of_value(value) for field, value in device["values"].items())
    points = sum(len(field) + VALUE_BYTES + POINT_BYTES * len(run) for field, run in device["points"].items())
    return DEVICE_BYTES + len(name) + values + points


def _weight_of_value(value: Value) -> int:
    if isinstance(value, dict):
        return sum(len(name) + VALUE_BYTES for name in value) + VALUE_BYTES
    return VALUE_BYTES + (len(value.encode()) if isinstance(value, str) else 0)


_announcers: dict[int, Announcer] = {}


def announce(columns: Columns) -> None:
    """Announce what was stored, through this process's announcer; a forked worker gets one of its own."""
    process = os.getpid()
    if process not in _announcers:
        _announcers.clear()
        _announcers[process] = Announcer()
    _announcers[process].tell(columns)
