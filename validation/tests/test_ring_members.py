"""Buffers that join and leave while data flows, that die, come back, or lose what they held: the books stay right."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.db import connection

from ingest import buffers
from ingest.buffers import Refused
from ingest.envelope import Minutes, batch_of
from ingest.models import Buffer
from ingest.ring import STREAM, Ring, connect, identify
from ingest.sealing import is_sealed
from ingest.tests.servers import Valkey, received_by
from ingest.watching import Watch
from validation import ring as ring_service
from validation import settling, tasks
from validation.audit import Audit, audit
from validation.drain import Drain
from validation.models import LedgerEntry
from validation.ring import look_after, remove, write_off
from validation.settling import SETTLE_AFTER_MIN, settle, settle_removed
from validation.streams import GROUP, StreamReader
from validation.tests.conftest import Worker

NOW = int(time.time())


class Fleet:
    """A ring of servers of the test's own, with someone who appends and someone who drains."""

    def __init__(self, folder: Path, settings: Any) -> None:
        self.folder, self.settings, self.servers = folder, settings, list[Valkey]()
        self.settings.BUFFER_URLS = [self.start().url, self.start().url]
        self.drain, self.minutes, self.sent = Drain(), Minutes(), 0
        buffers.tend()

    def start(self) -> Valkey:
        self.servers.append(Valkey(self.folder / f"buffer{len(self.servers)}"))
        return self.servers[-1]

    def ring(self) -> Ring:
        return Ring([server.url for server in self.servers])

    def send(self, ring: Ring, count: int = 1) -> None:
        """Append readings, each of a moment of its own, as one batch."""
        readings = [b'{"speed": 1, "timestamp": %d}' % (NOW - self.sent - n) for n in range(count)]
        self.sent += count
        ring.append(batch_of("test", self.minutes, [b"vehicles/van/telemetry"] * count, readings))

    def work(self, seconds: float = 5) -> None:
        """Drain what belongs to the ring and answers, as the sweep and the workers do; each for so long at most."""
        look_after()
        for url in buffers.ring_urls():
            try:
                with connect(url) as client:
                    self.drain.run(StreamReader(client), identify(url), seconds)
            except redis.ConnectionError:
                continue

    def audit(self) -> Audit:
        return audit(buffers.ring_urls())


@pytest.fixture
def fleet(worker: Worker, tmp_path: Path, settings: Any) -> Iterator[Fleet]:
    fleet = Fleet(tmp_path, settings)
    yield fleet
    for server in fleet.servers:
        server.close()


def stored() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT ts) FROM telemetry.vehicle")
        count, different = cursor.fetchone()
    assert count == different
    return int(count)


def row_of(server: Valkey) -> Buffer:
    return buffers.named(identify(server.url))


def leave(fleet: Fleet, server: Valkey) -> None:
    """Drain a buffer and remove it as soon as it can be."""
    row = buffers.drain(row_of(server))
    for _ in range(100):
        fleet.work(seconds=0.2)
        try:
            remove(buffers.named(str(row)))
        except Refused:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("it cannot be removed")


def test_buffers_join_and_leave_under_load_and_every_reading_is_stored_once(fleet: Fleet) -> None:
    first, second = fleet.servers
    ring, over = Ring(fleet.settings.BUFFER_URLS), threading.Event()
    watch = Watch(ring, fleet.settings.BUFFER_URLS, 80, 0)
    watch.start()

    def send() -> None:
        while not over.wait(0.005):
            fleet.send(ring, 20)

    sender = threading.Thread(target=send)
    sender.start()
    try:
        fleet.work(seconds=0.2)
        third = fleet.start()
        buffers.add(third.url, weight=3)
        leave(fleet, first)
        assert fleet.audit().balanced
        buffers.add(first.url)
        leave(fleet, second)
        time.sleep(0.3)
    finally:
        over.set()
        sender.join()
        watch.stop()
    fleet.work()
    books = fleet.audit()
    assert (books.complaints, books.total.in_flight, books.total.lost) == ([], 0, 0)
    assert books.total.received == books.total.stored == stored() == fleet.sent > 200
    assert {row.identity: row.state for row in Buffer.objects.all()} == {
        identify(first.url): "active", identify(second.url): "removed", identify(third.url): "active",
    }  # fmt: skip
    assert received_by(third.url) > received_by(first.url)
    tasks.settle()
    settle_removed(time.time() + SETTLE_AFTER_MIN * 60 + 60)
    assert not LedgerEntry.objects.filter(buffer=identify(second.url)).exists()
    assert fleet.audit().balanced
    assert fleet.audit().total.received == fleet.sent


def test_a_buffer_leaves_only_when_it_is_empty_and_the_books_have_its_counts(fleet: Fleet) -> None:
    one = fleet.servers[0]
    fleet.send(Ring([one.url]), 3)
    row = row_of(one)
    with pytest.raises(Refused, match="drain it first"):
        remove(row)
    row = buffers.drain(row)
    with pytest.raises(Refused, match="1 entries wait in it"):
        remove(row)
    with connect(one.url) as client:
        reader = StreamReader(client)
        reader.ensure_group()
        [entry] = reader.new(1)
        client.xdel(STREAM, entry.name)
        with pytest.raises(Refused, match="1 entries are in the hands of workers"):
            remove(row)
        client.xack(STREAM, GROUP, entry.name)
    assert fleet.audit().total.missing == 3, "what was deleted by hand is missing"
    assert remove(row).state == "removed"
    assert fleet.audit().total.missing == 3, "and it stays so when its buffer has left"


def test_a_removal_that_died_half_way_is_finished_by_the_next(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    one = fleet.servers[0]
    fleet.send(Ring([one.url]))
    buffers.drain(row_of(one))
    fleet.work()
    with monkeypatch.context() as patched:
        patched.setattr(ring_service, "_leave", lambda key: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            remove(row_of(one))
    assert is_sealed(one.client())
    assert remove(row_of(one)).state == "removed"
    assert (fleet.audit().balanced, fleet.audit().total.stored) == (True, 1)


@pytest.mark.parametrize("broken", ["seal", "settle"])
def test_the_books_would_show_a_buffer_that_left_with_something_in_it(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """The control: without either of its two conditions a removal loses readings or counts, and the audit says so."""
    one = fleet.servers[0]
    fleet.send(Ring([one.url]), 2)
    buffers.drain(row_of(one))
    if broken == "settle":
        fleet.work()
        monkeypatch.setattr(ring_service, "settle", lambda *args, **kwargs: None)
    monkeypatch.setattr(ring_service, "seal", lambda *args: "")
    remove(row_of(one))
    assert not fleet.audit().balanced
    assert fleet.audit().total.missing == (2 if broken == "seal" else -2)


def test_a_drained_buffer_that_was_dead_is_drained_when_it_is_back(fleet: Fleet) -> None:
    one = fleet.servers[0]
    fleet.send(Ring([one.url]), 5)
    row = buffers.drain(row_of(one))
    one.kill()
    fleet.work()
    row.refresh_from_db()
    assert (row.state, "ConnectionError" in row.trouble, row.trouble_since is not None) == ("draining", True, True)
    with pytest.raises(Refused, match="does not answer"):
        remove(row)
    one.start()
    fleet.work()
    row.refresh_from_db()
    assert (stored(), row.trouble, "ConnectionError" in row.last_error) == (5, "", True)
    assert remove(row).state == "removed"
    assert fleet.audit().balanced


def test_what_a_dead_buffer_held_is_written_off_and_taken_back_when_it_returns(fleet: Fleet) -> None:
    one = fleet.servers[0]
    fleet.send(Ring([one.url]), 2)
    fleet.work()
    fleet.send(Ring([one.url]), 5)
    look_after()
    row = row_of(one)
    with pytest.raises(Refused, match="answers: drain and remove it"):
        write_off(row)
    one.kill()
    with pytest.raises(redis.ConnectionError):
        fleet.audit()
    given = write_off(buffers.named(str(row)))
    assert given.messages == 5
    assert given.known_until is not None
    books = fleet.audit()
    assert (books.total.received, books.total.stored, books.total.lost, books.balanced) == (7, 2, 5, True)
    assert write_off(buffers.named(str(row))).messages == 5, "it may be repeated"
    one.start()
    fleet.work()
    books = fleet.audit()
    assert (books.total.received, books.total.stored, books.total.lost, books.balanced) == (7, 7, 0, True)
    assert buffers.named(str(row)).state == "draining"


@pytest.mark.parametrize("settled", [False, True], ids=["not settled", "settled"])
def test_a_wiped_buffer_is_noticed_and_what_it_held_is_missing_until_it_is_written_off(
    fleet: Fleet, caplog: pytest.LogCaptureFixture, settled: bool
) -> None:
    one = fleet.servers[0]
    former = identify(one.url)
    fleet.send(Ring([one.url]), 4)
    fleet.work()
    fleet.send(Ring([one.url]), 3)
    look_after()
    if settled:
        settle(one.client(), former, time.time() + SETTLE_AFTER_MIN * 60 + 60)
    one.client().flushall()
    caplog.set_level(logging.ERROR)
    fleet.work()
    assert f"the buffer {former} has lost its data: 3 messages at least are gone" in caplog.text
    fleet.send(Ring([one.url]), 2)
    fleet.work()
    books = fleet.audit()
    assert (books.total.received, books.total.stored, books.total.missing) == (9, 6, 3)
    assert any(f"The buffer {former} has lost its data" in words for words in books.complaints)
    assert {row.identity: row.state for row in Buffer.objects.all()}[former] == "lost"
    assert row_of(one).state == "active", "it has taken the place of the former one"
    assert write_off(buffers.named(former)).messages == 3
    books = fleet.audit()
    assert (books.complaints, books.total.received, books.total.stored, books.total.lost) == ([], 9, 6, 3)


def test_a_stream_or_a_group_deleted_by_hand_costs_what_it_held_and_no_more(fleet: Fleet) -> None:
    one = fleet.servers[0]
    ring = Ring([one.url])
    fleet.send(ring, 2)
    fleet.work()
    fleet.send(ring, 3)
    with connect(one.url) as client:
        client.xgroup_destroy(STREAM, GROUP)
        fleet.work()
        assert (stored(), fleet.audit().balanced) == (5, True)
        fleet.send(ring, 4)
        client.delete(STREAM)
    fleet.send(ring, 1)
    fleet.work()
    assert (stored(), fleet.audit().total.missing) == (6, 4)


def test_a_buffer_at_its_limit_is_drained_and_takes_batches_again(fleet: Fleet) -> None:
    one = fleet.servers[0]
    ring = Ring([one.url])
    fleet.send(ring, 50)
    fleet.work()
    fleet.send(ring, 50)
    one.client().config_set("maxmemory", 1)
    with pytest.raises(Exception, match="OutOfMemory"):
        fleet.send(ring, 1)
    fleet.sent -= 1
    fleet.work()
    assert (stored(), fleet.audit().balanced, one.client().xlen(STREAM)) == (100, True, 0)
    one.client().config_set("maxmemory", 0)
    time.sleep(0.6)
    fleet.send(ring, 1)


def test_what_was_counted_is_neither_forgotten_nor_counted_twice_when_a_settlement_was_under_way() -> None:
    from validation.losses import taken

    seen = {"number": 4, "received": {"7": 5}, "settling": {"6": 2}}
    assert taken({6: 1}, 3, seen) == {6: 3, 7: 5}, "moving, and not in PostgreSQL"
    assert taken({6: 3}, 4, seen) == {6: 3, 7: 5}, "moved"
    assert taken({6: 3, 7: 5}, 5, seen) == {6: 3, 7: 5}, "moved with the next one, after it was looked at"
    assert taken({6: 3}, 4, None) == {6: 3}
    assert settling.SETTLING
