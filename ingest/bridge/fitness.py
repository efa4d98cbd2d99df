"""Does this bridge reach what it needs? One that does not should leave its slots to another one that does.

A bridge that is cut off from the broker, or from every buffer, lives all the same: its leases are renewed, and what the
broker keeps for its sessions waits. So it says that it is not fit, and gets no slots as long as another bridge is. When
nobody is fit, because the broker itself is down, nothing is exchanged.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from ingest.broker import Broker, Dial

log = logging.getLogger(__name__)

PATIENCE_S = 10.0  # without a session that is ready, or with a batch that no buffer takes
# Before it is tried again, doubled each time that it failed again: it takes the slots from others to find out.
FIRST_REST_S, LONGEST_REST_S = 5.0, 300.0
PROVEN_S = 300.0  # fit for so long, and the next failure is the first again


class Fitness:
    """Judge from what a bridge sees of itself, several times a second. Belongs to the bridge's thread."""

    def __init__(self, broker: Broker, wake: Callable[[], None]) -> None:
        """`wake` is called from another thread when the broker was found, or not found."""
        self.fit = True
        self._broker, self._wake = broker, wake
        self._well_at: float | None = None  # when everything was well for the last time
        self._since = 0.0  # of the present judgement
        self._rest = FIRST_REST_S
        self._dial: Dial | None = None

    def judge(self, now: float, holds: bool, ready: bool, delivers: bool) -> bool:
        """Return whether the bridge is fit; `ready`: one of the slots that it holds is; `delivers`: no batch waits."""
        well = delivers and (ready if holds else self.fit or self._finds_broker(now))
        if well or self._well_at is None:
            self._well_at = now
        if well and not self.fit:
            self._become(now, True, "reaches broker and buffers again")
        elif self.fit and now - self._well_at > PATIENCE_S:
            self._rest = FIRST_REST_S if now - self._since > PROVEN_S else min(2 * self._rest, LONGEST_REST_S)
            missing = "the broker" if delivers else "a buffer"
            self._become(now, False, f"does not reach {missing}; its slots are free for bridges that do")
        return self.fit

    def _become(self, now: float, fit: bool, why: str) -> None:
        log.warning("%s", why)
        self.fit, self._since = fit, now

    def _finds_broker(self, now: float) -> bool:
        """Knock at the broker's door when it is time, and tell whether it was opened."""
        if now - self._since < self._rest:
            return False
        if self._dial is None:
            self._dial = Dial(self._broker, self._wake)
        if not self._dial.done:
            return False
        found = self._dial.socket is not None
        self._dial.abandon()
        self._dial = None
        if not found:
            self._since = now
        return found
