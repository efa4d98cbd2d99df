"""What a bridge says about itself in its log."""

from __future__ import annotations

import logging
from dataclasses import astuple

from ingest.bridge.counters import Counters

log = logging.getLogger(__name__)

EVERY_S = 10.0  # between two lines about the same matter


class Report:
    """Write a line when something changed, and not more often than every `EVERY_S` seconds."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters
        self._last = astuple(counters)
        self._next = self._next_warning = 0.0
        self._holding_since: float | None = None

    def progress(self, now: float, slots: str, buffers: str) -> None:
        """Write the counters, unless they are what they were or the last line is too recent."""
        if now < self._next or astuple(self._counters) == self._last:
            return
        self._next, self._last = now + EVERY_S, astuple(self._counters)
        log.info("%s; %s; %s", self.summary(), slots, buffers)

    def holding(self, now: float, reason: Exception) -> None:
        """Warn that no buffer takes batches: at once, and again while it lasts."""
        if self._holding_since is None:
            self._holding_since, self._next_warning = now, now
        if now < self._next_warning:
            return
        self._next_warning = now + EVERY_S
        c = self._counters
        log.error(
            "no buffer takes batches, for %.0f s now; %d messages wait here unacknowledged, the rest at the broker. %s",
            now - self._holding_since,
            c.received - c.appended - c.failed,
            reason,
        )

    def flowing(self, now: float) -> None:
        """Say that a buffer takes batches, when that is news."""
        if self._holding_since is not None:
            log.warning("a buffer takes batches again, after %.1f s", now - self._holding_since)
            self._holding_since = None

    def summary(self) -> str:
        """Return the counters in words."""
        c = self._counters
        words = f"{c.received} messages received, {c.appended} in buffers ({c.batches} batches), {c.acked} acknowledged"
        seldom = {
            "of QoS 0": c.unpromised,
            "on platform topics passed over": c.platform,
            "to be sent again by the broker": c.stale,
            "given up because of an error": c.failed,
        }
        return words + "".join(f", {count} {what}" for what, count in seldom.items() if count)
