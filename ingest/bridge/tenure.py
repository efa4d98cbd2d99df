"""What a bridge may hold, and until when: between the thread that asks the database and the one that acknowledges.

A lease counts from the moment before the database was asked, so here it always ends before it does there. Three things
end a bridge's right to a slot, and nothing else does:

1. the database says that the slot is not (or no longer) the bridge's;
2. the broker says that somebody else has taken the session over, while no lease covers it;
3. the bridge finds that it has stood still: a lease has run out that nobody tried to renew.

A database that does not answer is none of the three. Then nobody else can lease the slot either; or somebody can,
because only this bridge is cut off, and then the broker ends this connection the moment the other one opens (2.). So a
bridge goes on without its lease, but only as long as it looks at the clock all the time: after half a lease without a
look it has stood still.
"""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from ingest.slots import Lease, Returned

log = logging.getLogger(__name__)


def steady() -> float:
    """Return seconds on a clock that nobody sets, and that goes on while the machine sleeps, where there is one."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


class Holding(NamedTuple):
    """A slot that the bridge holds, and whether it is to be given back."""

    lease: Lease
    surplus: bool


class Tenure:
    """Keep what one bridge holds. Thread-safe."""

    def __init__(self, lease_s: float, clock: Callable[[], float] = steady) -> None:
        self.lease_s, self.clock = lease_s, clock
        self.ask: Callable[[], None] = lambda: None  # called when the database should be asked soon
        self.fit = True  # what the bridge says about itself: it reaches the broker and a buffer
        self.known = False  # the database has answered at least once, and there are slots
        self.connected: tuple[str, ...] = ()  # the sessions that the bridge is connected with
        self._connected_at: Mapping[str, datetime | None] = {}
        self._lock = threading.Lock()
        self._held: dict[str, Lease] = {}
        self._surplus: frozenset[Lease] = frozenset()
        self._returned: dict[Lease, Returned] = {}
        self._granted, self._looked = -math.inf, clock()

    # --- For the thread that asks the database -----------------------------------------------------------------------

    def count(self) -> int:
        """Return how many slots are held."""
        return len(self._held)

    def returned(self) -> list[Returned]:
        """Return what the database has to be told: slots that are not used any more."""
        with self._lock:
            return list(self._returned.values())

    def answered(
        self,
        asked_at: float,
        held: Iterable[Lease],
        surplus: Iterable[Lease],
        told: Sequence[Returned] = (),
        slots: int = 1,
        connected_at: Mapping[str, datetime | None] | None = None,
    ) -> None:
        """Take the database's word for what is held, from the moment before it was asked.

        `told` is what the database has heard with the question; `slots` are there in all; `connected_at` says of each
        session when a bridge, this one or another, was connected with it for the last time.
        """
        with self._lock:
            for slot in told:
                self._returned.pop(slot.lease, None)
            # What was let go while the answer was on its way must not come back with it.
            self._held = {lease.client_id: lease for lease in held if lease not in self._returned}
            self._surplus = frozenset(surplus)
            self._granted, self.known = asked_at, self.known or slots > 0
            self._connected_at = connected_at or {}

    # --- For the thread that acknowledges ----------------------------------------------------------------------------

    def look(self) -> list[Holding]:
        """Look at the clock and return what is held; it is nothing after the bridge has stood still."""
        with self._lock:
            now = self.clock()
            if self._held and now > self._ends():
                log.warning("stood still for %.1f s; its slots may be somebody else's by now", now - self._looked)
                self._held = {}
                self.ask()
            self._looked = now
            return [Holding(lease, lease in self._surplus) for lease in self._held.values()]

    def lapsed(self) -> bool:
        """Tell whether a look at the clock is overdue, so that nothing may be acknowledged before it."""
        return self.clock() > self._ends()

    def holds(self, lease: Lease) -> bool:
        """Tell whether a slot may be used, and its messages acknowledged, at this moment."""
        held = self._held.get(lease.client_id)
        return held is not None and held.epoch == lease.epoch and not self.lapsed()

    def is_leased(self) -> bool:
        """Tell whether the database's word still counts, so that nobody else can have leased what is held."""
        return self.clock() <= self._granted + self.lease_s

    def taken_over(self, lease: Lease) -> bool:
        """Note that the broker gave a session to somebody else; return whether it is lost, for now at least."""
        with self._lock:
            lost = not self.is_leased()
            if lost and self._held.get(lease.client_id) == lease:
                del self._held[lease.client_id]
        self.ask()
        return lost

    def give_back(self, lease: Lease, ended: bool = False) -> None:
        """Let go of a slot whose connection is closed; `ended` when its session is gone for good."""
        with self._lock:
            if self._held.get(lease.client_id) == lease:
                del self._held[lease.client_id]
            self._returned[lease] = Returned(lease, ended)
        self.ask()

    def connected_at(self, client_id: str) -> datetime | None:
        """Return when a bridge was connected with a session for the last time; None if none ever was."""
        return self._connected_at.get(client_id)

    def say_connected(self, sessions: tuple[str, ...]) -> None:
        """Note which sessions are connected; the database hears of new ones at once, so that they can be missed."""
        new = set(sessions).difference(self.connected)
        self.connected = sessions
        if new:
            self.ask()

    def say_fit(self, fit: bool) -> None:
        """Note whether the bridge reaches what it needs, for the database to know."""
        if fit != self.fit:
            self.fit = fit
            self.ask()

    def _ends(self) -> float:
        return max(self._granted + self.lease_s, self._looked + self.lease_s / 2)
