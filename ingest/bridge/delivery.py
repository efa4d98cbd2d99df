"""From sealed batches into buffers, and only then back to the broker with the acknowledgements."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from ingest.bridge.counters import Counters
from ingest.bridge.pending import Acks, Pending, Sealed
from ingest.bridge.report import Report
from ingest.envelope import Batch
from ingest.ring import Appended, NoBufferAvailable

log = logging.getLogger(__name__)

RETRY_S = 0.25  # between two attempts while no buffer is available


class Buffers(Protocol):
    """What the bridge needs of the ring."""

    def append(self, batch: Batch) -> Appended:
        """Put a batch into a buffer; raise NoBufferAvailable when none takes it."""

    def in_use(self) -> list[str]:
        """Return the names of the buffers that take batches."""

    def set_aside(self) -> dict[str, str]:
        """Return the names of those that do not, and why."""


class Delivery:
    """Bring batches into buffers, oldest first, and acknowledge their messages. Belongs to the bridge's thread."""

    def __init__(
        self,
        pending: Pending,
        buffers: Buffers,
        wake_workers: Callable[[str], None],
        counters: Counters,
        report: Report,
    ) -> None:
        """Deliver from `pending` to `buffers`; `wake_workers` gets the identity of each buffer that took something."""
        self._pending, self._buffers, self._wake_workers = pending, buffers, wake_workers
        self._counters, self._report = counters, report
        self._retry_at = 0.0

    def due(self) -> float | None:
        """Return when to try again, or None when nothing waits."""
        return self._retry_at if self._pending.sealed else None

    def deliver(self, now: float, at_once: bool = False) -> None:
        """Bring in every sealed batch; stop at the first that no buffer takes, and leave it and its messages waiting.

        After that nothing is tried for `RETRY_S`, unless `at_once` is true. Blocks while buffers answer. Never raises:
        what cannot be brought in for a reason of its own is given back to the broker.
        """
        if now < self._retry_at and not at_once:
            return
        while self._pending.sealed:
            try:
                self.bring(self._pending.sealed[0])
            except NoBufferAvailable as error:
                self._counters.refused += 1
                self._retry_at = now + RETRY_S
                self._report.holding(now, error)
                return
            except Exception:
                sealed = self._pending.done()
                log.exception("a batch of %d messages cannot be appended; the broker sends them again", sealed.messages)
                self._give_back(sealed)
            else:
                self._report.flowing(now)
                for acks in self._pending.done().acks:
                    self._settle(acks)

    def bring(self, sealed: Sealed) -> None:
        """Put one batch into a buffer and wake its workers."""
        if sealed.batch is None:
            return
        appended = self._buffers.append(sealed.batch)
        self._counters.appended += sealed.messages
        self._counters.batches += 1
        self._wake_workers(appended.buffer)

    def _give_back(self, sealed: Sealed) -> None:
        """End the connections that owe acknowledgements for a batch, so that the broker sends its messages again."""
        self._counters.failed += sealed.messages
        for acks in sealed.acks:
            if acks.epoch == acks.connection.epoch:
                acks.connection.drop("an error in the bridge")

    def _settle(self, acks: Acks) -> None:
        try:
            acks.connection.acknowledge(acks)
        except Exception:
            log.exception("acknowledgements cannot be sent; the broker sends their messages again")
            acks.connection.drop("an error in the bridge")
