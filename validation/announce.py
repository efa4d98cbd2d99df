"""Tell the pages what was stored: best effort, never in the way of the worker, at most a few times a second.

Readings are merged per device while they wait, so a page that lags gets the newest values and not a queue. The channel
layer is asynchronous; it runs on a thread of its own with one loop, so that its connections last.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
import time

from channels.layers import get_channel_layer

from validation.events import TELEMETRY, Stored, StoredDevice

log = logging.getLogger(__name__)

PAUSE_S = 0.25  # between announcements of one worker process; pages show one frame a second
MAX_POINTS = 1_000  # of one device and field in one announcement, the newest; a page re-reads longer histories


class Announcer:
    """Collect what was stored and send it from a thread of its own. `announce` never blocks for I/O."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: dict[str, dict[str, StoredDevice]] = {}
        self._changed = threading.Event()
        self._failing = False
        threading.Thread(target=lambda: asyncio.run(self._send_for_ever()), name="announcer", daemon=True).start()

    def announce(self, model: str, devices: dict[str, StoredDevice]) -> None:
        """Add what was stored of a model to what goes out next."""
        with self._lock:
            waiting = self._waiting.setdefault(model, {})
            for name, device in devices.items():
                known = waiting.get(name)
                waiting[name] = merged(known, device) if known else device
        self._changed.set()

    async def _send_for_ever(self) -> None:
        while True:
            # Blocks the loop, which has nothing else to do. A thread of an executor could not be left waiting here:
            # Python joins those before it exits, so the worker would never end.
            self._changed.wait()
            self._changed.clear()
            with self._lock:
                waiting, self._waiting = self._waiting, {}
            for model, devices in waiting.items():
                await self._send(Stored(type="telemetry.stored", model=model, at=time.time(), devices=devices))
            await asyncio.sleep(PAUSE_S)

    async def _send(self, message: Stored) -> None:
        layer = get_channel_layer()
        try:
            await layer.group_send(TELEMETRY, message)
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
        points[field] = (points.get(field, []) + run)[-MAX_POINTS:]
    return StoredDevice(
        ts=newest["ts"],
        received_at=max(known["received_at"], device["received_at"]),
        interval_s=newest["interval_s"],
        values=newest["values"],
        points=points,
    )


_announcers: dict[int, Announcer] = {}


def announce(model: str, devices: dict[str, StoredDevice]) -> None:
    """Announce through this process's announcer; a forked worker gets one of its own."""
    process = os.getpid()
    if process not in _announcers:
        _announcers.clear()
        _announcers[process] = Announcer()
    _announcers[process].announce(model, devices)
