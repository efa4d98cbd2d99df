"""The process that watches: one at a time, wherever it runs, and never faster than the data path can bear."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

import psycopg
from django.db import Error, close_old_connections, connection
from redis import RedisError

from ingest.leader import Candidate, Deposed, Leadership
from ingest.processes import ThisProcess
from insights.watching.peers import Peers
from insights.watching.reading import news_of
from insights.watching.silences import Silences
from insights.watching.tidying import tidy
from insights.watching.watcher import Watcher
from validation.backlog import is_behind
from validation.selectors import TooSlow

log = logging.getLogger(__name__)

LEAD = "watch"
TURN_S = 0.5  # of work, after which it looks whether live ingest is behind
# From the beginning of a turn to the next at least, so that readings of a second share a statement. After a long turn
# it rests half as long as it worked: with more than two thirds of a core it falls behind, and says so.
ROUND_S, REST = 1.0, 0.5
SILENCES_S, PEERS_S, TIDY_S, COUNT_S = 5.0, 30.0, 600.0, 10.0
WAITS_S = 1.0  # while another one watches, or the database is away


class Service:
    """Watches until it is told to stop."""

    def __init__(self, name: str, beat: Callable[[], None] = lambda: None) -> None:
        """`beat` is called while it works, or waits for its turn."""
        self._candidate = Candidate(LEAD, ThisProcess(name).id)
        self._beat = beat
        self._stop = threading.Event()
        self._begin_anew(None)
        self._due: dict[str, float] = {}

    def stop(self) -> None:
        """End after the turn in hand. May be called from a signal handler."""
        self._stop.set()

    def run(self) -> None:
        """Watch; wait while somebody else does, or while a service is away."""
        while not self._stop.is_set():
            self._beat()
            began = time.monotonic()
            try:
                rest = self._round(began)
            except (Error, psycopg.Error, TooSlow, Deposed) as error:
                log.warning("watching stands still: %s", error)
                connection.close()
                self._begin_anew(None)
                rest = WAITS_S
            self._stop.wait(rest)
        if self._watcher.leadership is not None:
            try:
                self._watcher.save()
            except (Error, Deposed) as error:
                log.warning("what was learned last is not saved; it is looked at again: %s", error)
        self._candidate.resign()

    def _round(self, began: float) -> float:
        """Take a turn if it is ours; return for how many seconds to rest."""
        leadership = self._candidate.lead()
        if leadership is None:
            return WAITS_S
        if leadership != self._watcher.leadership:
            self._begin_anew(leadership)
        close_old_connections()
        behind = _is_behind()
        more = False if behind else self._watcher.run(TURN_S)
        self._now_and_then(began, behind=behind)
        busy = time.monotonic() - began
        return REST * busy if more else max(REST * busy, ROUND_S - busy)

    def _now_and_then(self, began: float, *, behind: bool) -> None:
        watcher = self._watcher
        # While live ingest is behind everybody looks silent.
        if not behind and self._is_due("silences", began, SILENCES_S):
            for model in watcher.specs:
                watcher.counts.findings += self._silences.sweep(
                    model, news_of(model), watcher.states, watcher.factors, time.time(), watcher.leadership
                )
        if not behind and self._is_due("peers", began, PEERS_S):
            for model, spec in watcher.specs.items():
                watcher.counts.findings += self._peers.sweep(model, spec, watcher.factors, watcher.leadership)
        if self._is_due("tidy", began, TIDY_S):
            tidy(watcher.specs, set(self._silences.open), datetime.now(UTC))
        if self._is_due("count", began, COUNT_S):
            watcher.counts.write()

    def _is_due(self, what: str, now: float, every: float) -> bool:
        if now < self._due.get(what, 0.0):
            return False
        self._due[what] = now + every
        return True

    def _begin_anew(self, leadership: Leadership | None) -> None:
        self._watcher, self._silences, self._peers = Watcher(leadership), Silences(), Peers()


def _is_behind() -> bool:
    try:
        return is_behind()
    except RedisError as error:
        log.debug("the buffers cannot be asked: %s", error)
        return False
