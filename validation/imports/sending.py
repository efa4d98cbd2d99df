"""The way of an import's messages into the ring."""

from __future__ import annotations

import functools
from collections.abc import Callable

from django.conf import settings

from ingest.envelope import Minutes, batch_of
from ingest.ring import Appended, Ring
from ingest.wake import Waker
from ingest.watching import Watch
from validation.imports.messages import Messages

SOURCE = "import"


class Door:
    """Appends envelopes to the ring and has their workers woken. Belongs to one thread."""

    def __init__(self, ring: Ring, wake: Callable[[str], None]) -> None:
        self._ring, self._wake = ring, wake
        self._minutes = Minutes()

    def send(self, messages: Messages) -> Appended:
        """Append an envelope. Raises NoBufferAvailable: then nothing was sent."""
        appended = self._ring.append(batch_of(SOURCE, self._minutes, *messages))
        self._wake(appended.buffer)
        return appended


@functools.cache
def door() -> Door:
    """Return this process's door, opening it the first time."""
    waker = Waker(settings.REDIS_URL, settings.DRAIN_TASK)
    waker.start()
    ring = Ring(settings.BUFFER_URLS)
    Watch(ring, settings.BUFFER_URLS, settings.BUFFER_FILL_PERCENT, settings.BUFFERS_MAX_MB).start()
    return Door(ring, waker.wake)
