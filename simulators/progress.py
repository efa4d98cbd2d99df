"""Say while it runs how the devices are doing: a live line on a terminal, else a log line now and then."""

from __future__ import annotations

import logging
import time
from typing import TextIO

from simulators.counts import total
from simulators.device import Device

log = logging.getLogger(__name__)

EVERY_S = 60.0  # between two log lines when nothing changes


class Progress:
    """Called with all devices about once a second."""

    def __init__(self, stream: TextIO, broker: str) -> None:
        self._stream = stream
        self._broker = broker
        self._live = stream.isatty()
        self._all_online: bool | None = None
        self._said_at = time.monotonic()

    def __call__(self, devices: list[Device]) -> None:
        """Write the live line, and log when all devices have become connected or one has been lost."""
        online = sum(device.online for device in devices)
        all_online = online == len(devices)
        due = not self._live and time.monotonic() - self._said_at >= EVERY_S
        changed = all_online != self._all_online and (all_online or self._all_online is not None)
        if not (self._live or due or changed):
            return
        sums = total([device.counts for device in devices])
        queued = sums.backlog + sums.made - sums.acknowledged - sums.dropped - sums.set_aside
        text = (
            f"{online:,} of {len(devices):,} devices connected to {self._broker}, {sums.acknowledged:,} readings "
            f"acknowledged, {queued:,} queued, {sums.dropped:,} dropped"
        )
        if changed or due:
            self._all_online, self._said_at = all_online, time.monotonic()
            log.info("%s", text)
        if self._live:
            # The cursor goes back to the left, so that a log line writes over this one.
            self._stream.write(f"\r{text}\x1b[K\r")
            self._stream.flush()

    def end(self) -> None:
        """Wipe the live line."""
        if self._live:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
