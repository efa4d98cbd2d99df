"""Keep a ring as it is wanted: who belongs to it, how often each is used, and who is too full just now.

On a thread of its own, because the database and the buffers may not answer, and whoever appends must not wait for them.
Without the database the ring goes on with what it knows, and with BUFFER_URLS before it knows anything.
"""

from __future__ import annotations

import logging
import select
import threading
import time
import weakref
from collections.abc import Mapping, Sequence

import psycopg
import redis

from ingest.fill import Memory, memory_of, too_full
from ingest.membership import ACTIVE, CHANNEL, Cursor, addresses, bring_up_to_date, who_answers
from ingest.postgres import Postgres
from ingest.ring import Ring, connect, without_password

log = logging.getLogger(__name__)

EVERY_S = 1.0  # between two looks at how full the buffers are
AT_LEAST_S = 10.0  # between two looks at who belongs to the ring when nobody says that it has changed
LIMIT_S = 3.0  # for the database
ASK_S = 0.3  # for a buffer to say how full it is


class Watch:
    """Look after one ring for as long as it is used. `start` it once, after `first_look` if at all; it ends with it."""

    def __init__(self, ring: Ring, seeds: Sequence[str], percent: int, max_mb: int, *, tend: bool = False) -> None:
        """`seeds` are BUFFER_URLS; with `tend` it also writes down who of them is who, when it starts."""
        self._ring = weakref.ref(ring)
        self._seeds, self._percent, self._max_mb, self._tend = list(seeds), percent, max_mb, tend
        self._postgres = Postgres("ring", LIMIT_S, (f"LISTEN {CHANNEL}",))
        self._urls = list(seeds)
        self._full: dict[str, str] = {}
        self._look_again = 0.0
        self._away = False
        self._clients: dict[str, redis.Redis] = {}
        self._thread = threading.Thread(target=self._run, name="ring", daemon=True)
        self._stopping = threading.Event()

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def first_look(self) -> None:
        """Look at the members before anything is appended. Blocks for some seconds when the database is away."""
        ring = self._ring()
        if ring is not None:
            self._look_at_members(ring)

    def stop(self) -> None:
        """End the thread and close its connections. Blocks for some seconds at most."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(LIMIT_S)

    def round(self) -> None:
        """Look once: at the members when it is time or they have changed, and at how full they are."""
        ring = self._ring()
        if ring is None:
            self._stopping.set()
            return
        if self._postgres.notified or time.monotonic() >= self._look_again:
            self._look_at_members(ring)
        self._look_at_memory(ring)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.round()
            except Exception:
                log.exception("an error in looking after the ring; it goes on with what is known")
            self._wait()
        self._postgres.close()
        for client in self._clients.values():
            client.close()

    def _wait(self) -> None:
        notices = self._postgres.fileno()
        if notices is None:
            self._stopping.wait(EVERY_S)
        elif select.select([notices], [], [], EVERY_S)[0]:
            self._look_again = 0.0

    # --- Members ---------------------------------------------------------------------------------------------------

    def _look_at_members(self, ring: Ring) -> None:
        self._postgres.notified = False
        self._look_again = time.monotonic() + AT_LEAST_S
        try:
            if self._tend:
                self._write_down()
            with self._postgres.transaction() as cursor:
                weights = active(cursor, self._seeds)
        except psycopg.Error as error:
            self._look_again = time.monotonic() + EVERY_S
            if not self._away:
                log.warning("the database does not say which buffers belong to the ring: %s", _words(error))
            self._away = True
            return
        if self._away:
            log.warning("the database says again which buffers belong to the ring")
        self._away = False
        if list(weights) != self._urls:
            log.info("buffers of the ring: %s", ", ".join(map(without_password, weights)) or "none that is active")
        self._urls = list(weights)
        ring.use(weights)

    def _write_down(self) -> None:
        """Find the buffers again whose addresses have changed, before anything is appended to one that is drained."""
        with self._postgres.transaction() as cursor:
            urls = addresses(cursor, self._seeds)
        found = who_answers(urls)
        with self._postgres.transaction() as cursor:
            bring_up_to_date(cursor, self._seeds, found)
        self._tend = False

    # --- Memory ----------------------------------------------------------------------------------------------------

    def _look_at_memory(self, ring: Ring) -> None:
        memories = {url: memory for url in self._urls if (memory := self._memory(url)) is not None}
        full = too_full(memories, self._percent, self._max_mb, self._full)
        for url in full.keys() - self._full.keys():
            log.warning("buffer %s gets no batches: %s", without_password(url), full[url])
        for url in self._full.keys() - full.keys():
            log.warning("buffer %s is not too full any more", without_password(url))
        self._full = full
        ring.leave_out(full)
        for url in self._clients.keys() - set(self._urls):
            self._clients.pop(url).close()

    def _memory(self, url: str) -> Memory | None:
        """Return what a server uses; None when it does not say, which is for the ring itself to deal with."""
        client = self._clients.setdefault(url, connect(url, ASK_S))
        try:
            return memory_of(client)
        except (redis.RedisError, OSError):
            client.connection_pool.disconnect()
            return None


def active(cursor: Cursor, seeds: Sequence[str]) -> Mapping[str, int]:
    """Return the addresses that take batches, with their weights; the seeds as long as nobody has written them down."""
    cursor.execute("SELECT url, state, weight FROM ingest_buffer ORDER BY id")
    rows = cursor.fetchall()
    known = {url for url, _, _ in rows}
    weights = {url: weight for url, state, weight in rows if state == ACTIVE and url}
    return weights | {url: 1 for url in seeds if url not in known}


def _words(error: Exception) -> str:
    return " ".join(str(error).split())
