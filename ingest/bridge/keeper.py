"""Keep the bridge's leases, and do a leader's work, on threads of their own, because the database may not answer."""

from __future__ import annotations

import logging
import math
import select
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress

import psycopg

from ingest import slots
from ingest.bridge.tenure import Tenure
from ingest.bridges import LEADER
from ingest.leader import RENEW_S, Candidate, Deposed
from ingest.postgres import Postgres
from ingest.processes import ThisProcess
from ingest.slots import Answer

log = logging.getLogger(__name__)

RENEWALS = 3.3  # in the time of a lease: two may fail
AGAIN_S = 1.0  # after the database did not answer
STOP_S = 5.0  # for the round in hand to end
NOT_SET_UP = " (is it set up? `manage.py set_up` does it)"


class Keeper:
    """Ask the database every few seconds which slots this bridge holds, and tell the bridge when that has changed."""

    def __init__(
        self,
        me: ThisProcess,
        tenure: Tenure,
        at_most: int | None,
        changed: Callable[[], None],
        fail: Callable[[], None],
        dropped: Callable[[], int | None] = lambda: None,
    ) -> None:
        """`changed` is called after each answer; `fail` when the thread has ended with an error of its own.

        `dropped` returns how many messages the broker is known to have dropped, for others to see.
        """
        self.broken = False  # the thread has ended with an error of its own
        self._me, self._tenure, self._at_most = me, tenure, at_most
        self._changed, self._fail, self._dropped = changed, fail, dropped
        self._renew_s = tenure.lease_s / RENEWALS
        limit_s = min(3.0, tenure.lease_s / 3)
        self._postgres = Postgres(f"bridge {me.name}", limit_s, (f"LISTEN {slots.CHANNEL}",))
        self._ear, self._bell = socket.socketpair()
        self._bell.setblocking(False)
        self._thread = threading.Thread(target=self._run, name="leases", daemon=True)
        self._stopping, self._away = False, False
        self._in_touch_since: float | None = -math.inf  # on the tenure's clock; None while the database is away
        self._said = ""
        tenure.ask = self.wake

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Ask the database now. Returns at once; any thread may call it."""
        with suppress(OSError):
            self._bell.send(b"\0")

    def stop(self) -> None:
        """End the thread and free every slot, so that others have them at once. Blocks for some seconds at most."""
        self._stopping = True
        self.wake()
        if self._thread.is_alive():
            self._thread.join(STOP_S)
        if self._thread.is_alive():
            log.warning("cannot free its slots, because the database does not answer; their leases will run out")
            return
        try:
            with self._postgres.transaction() as cursor:
                slots.leave(cursor, self._me)
        except psycopg.Error as error:
            log.warning("cannot free its slots; others get them when the leases have run out: %s", _words(error))
        self._postgres.close()

    def round(self) -> float:
        """Ask once; return after how many seconds to ask again, unless something happens before."""
        self._postgres.notified = False
        asked_at, returned = self._tenure.clock(), self._tenure.returned()
        lease_s, fit, connected = self._tenure.lease_s, self._tenure.fit, self._tenure.connected
        if self._in_touch_since is None:
            self._in_touch_since = asked_at
        # When the database was away for this bridge, it may have been for all of them, and all leases have run out. So
        # each first has the time to come back for its own.
        patient = asked_at - self._in_touch_since < lease_s
        try:
            with self._postgres.transaction() as cursor:
                answer = slots.attend(
                    cursor, self._me, lease_s, self._at_most, fit, returned, patient, connected, self._dropped()
                )
        except psycopg.Error as error:
            self._in_touch_since = None
            self._say_away(error)
            return min(AGAIN_S, self._renew_s)
        self._tenure.answered(asked_at, answer.leases, answer.surplus, returned, answer.slots, answer.connected_at)
        self._say(answer)
        self._changed()
        if self._postgres.notified:
            return 0.0  # something changed while this was asked
        # The next bridge to die is noticed when its time has come, not at the next turn.
        return min(self._renew_s, max(0.05, answer.look_again_s or self._renew_s))

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._wait(self.round())
        except Exception:
            log.exception("an error in the thread that keeps the leases")
            self.broken = True
            self._fail()

    def _wait(self, seconds: float) -> None:
        ears, notices = [self._ear.fileno()], self._postgres.fileno()
        if notices is not None:
            ears.append(notices)
        ready, _, _ = select.select(ears, [], [], seconds)
        if self._ear.fileno() in ready:
            self._ear.recv(4096)

    # --- What it says ------------------------------------------------------------------------------------------------

    def _say_away(self, error: psycopg.Error) -> None:
        if not self._away:
            held = self._tenure.count()
            keeps = f"it keeps the {held} it has, for as long as the broker lets it" if held else "it waits"
            log.warning("the database does not say which slots this bridge has; %s: %s", keeps, _words(error))
        self._away = True

    def _say(self, answer: Answer) -> None:
        if self._away:
            log.warning("the database answers again")
            self._away = False
        numbers = sorted(lease.number for lease in answer.leases if not lease.retiring)
        ending = sum(lease.retiring for lease in answer.leases)
        said = f"holds {len(numbers)} of {answer.slots} slots {numbers}; {answer.living} bridges live"
        said += f"; {ending} more sessions to be ended" * (ending > 0)
        if said != self._said:
            log.info("%s", said)
        self._said = said


class Housekeeper:
    """Take part in choosing the leader of all bridges; if it is this one, keep the slots as the settings want them."""

    def __init__(self, me: ThisProcess, wanted: Mapping[str, int]) -> None:
        """`wanted` are the slots that there should be: client id and number."""
        self._wanted = dict(wanted)
        self._candidate = Candidate(LEADER, me.id)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="leader", daemon=True)

    def start(self) -> None:
        """Start the thread. It ends with the process."""
        self._thread.start()

    def stop(self) -> None:
        """Let somebody else lead. Blocks for some seconds at most."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(STOP_S)

    def round(self) -> None:
        """Take or keep the lead, and do what is the leader's to do when it is time."""
        leadership = self._candidate.lead()
        if leadership is None:
            return
        with self._candidate.fenced(leadership) as cursor:
            if slots.arrange(cursor, self._wanted):
                log.info("slots wanted from now on: %d", len(self._wanted))
            forgotten = slots.forget(cursor)
        if forgotten:
            log.info("forgot %d bridges that have been dead for long", forgotten)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.round()
            except (psycopg.Error, Deposed) as error:
                log.debug("no leader's work this time: %s", _words(error))
            except Exception:
                log.exception("an error in the leader's work; it is tried again")
            self._stopping.wait(RENEW_S)
        self._candidate.resign()


def _words(error: Exception) -> str:
    hint = NOT_SET_UP if isinstance(error, psycopg.errors.UndefinedTable) else ""
    return " ".join(str(error).split()) + hint
