"""The ring while its members change: weights, buffers that are too full, changes that are noticed at once."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection

from ingest import buffers
from ingest.buffers import Refused
from ingest.envelope import Minutes, batch_of
from ingest.fill import MB, Memory, too_full
from ingest.models import Buffer
from ingest.ring import NoBufferAvailable, Ring, identify
from ingest.ring_state import ring_state
from ingest.sealing import is_sealed, seal
from ingest.tests.servers import Valkey, payloads_in, received_by
from ingest.watching import Watch

minutes = Minutes()
PERCENT = 80


def append(ring: Ring, payload: bytes = b"x") -> str:
    return ring.append(batch_of("test", minutes, [b"t"], [payload])).buffer


@pytest.fixture
def watched(pair: tuple[Valkey, Valkey], settings: Any, transactional_db: None) -> Iterator[Callable[..., Ring]]:
    """Return a function that makes a ring of the pair which is looked after."""
    settings.BUFFER_URLS = [server.url for server in pair]
    watches: list[Watch] = []

    def make(max_mb: int = 0) -> Ring:
        ring = Ring(settings.BUFFER_URLS)
        watches.append(Watch(ring, settings.BUFFER_URLS, PERCENT, max_mb, tend=True))
        watches[-1].first_look()
        watches[-1].start()
        return ring

    yield make
    for watch in watches:
        watch.stop()


def until(condition: Callable[[], bool], seconds: float = 10) -> float:
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, "it did not happen in time"
        time.sleep(0.01)
    return time.monotonic() - began


def test_each_buffer_gets_as_many_batches_as_its_weight_says_and_never_all_at_once(pair: tuple[Valkey, Valkey]) -> None:
    one, two = pair
    ring = Ring([one.url, two.url])
    ring.use({one.url: 1, two.url: 3})
    took = [append(ring) for _ in range(40)]
    assert Counter(took) == {identify(one.url): 10, identify(two.url): 30}
    assert all(identify(one.url) in took[n : n + 4] for n in range(36))
    ring.use({one.url: 1, two.url: 1})
    assert Counter(append(ring) for _ in range(10)) == {identify(one.url): 5, identify(two.url): 5}


def test_a_buffer_that_joins_or_leaves_is_noticed_with_the_next_batch(pair: tuple[Valkey, Valkey]) -> None:
    one, two = pair
    ring = Ring([one.url])
    ring.use({two.url: 1})
    assert append(ring) == identify(two.url)
    ring.use({})
    with pytest.raises(NoBufferAvailable, match="no buffer of the ring is active"):
        append(ring)
    ring.use({one.url: 1, two.url: 1})
    ring.leave_out({two.url: "too full"})
    assert {append(ring) for _ in range(4)} == {identify(one.url)}
    assert (ring.in_use(), ring.set_aside()) == ([one.url], {two.url: "too full"})


def test_bridges_hear_within_two_seconds_of_what_people_change(
    pair: tuple[Valkey, Valkey], watched: Callable[..., Ring], start_valkey: Callable[[], Valkey]
) -> None:
    one, two = pair
    ring = watched()
    assert {append(ring) for _ in range(4)} == {identify(one.url), identify(two.url)}
    buffers.drain(buffers.named(identify(one.url)))
    assert until(lambda: len({append(ring) for _ in range(4)}) == 1) < 2
    assert append(ring) == identify(two.url)
    third = start_valkey()
    buffers.add(third.url, weight=2)
    assert until(lambda: append(ring) == identify(third.url)) < 2
    buffers.resume(buffers.named(identify(one.url)))
    assert until(lambda: append(ring) == identify(one.url)) < 2


def test_what_was_drained_stays_so_for_a_bridge_that_starts_when_addresses_have_changed(
    pair: tuple[Valkey, Valkey], watched: Callable[..., Ring], settings: Any
) -> None:
    one, two = pair
    buffers.tend()
    buffers.drain(buffers.named(identify(one.url)))
    settings.BUFFER_URLS = [url.replace("127.0.0.1", "localhost") for url in settings.BUFFER_URLS]
    Buffer.objects.update(url="redis://127.0.0.1:9/0")  # ports of an earlier start
    assert {append(watched()) for _ in range(4)} == {identify(two.url)}
    assert {row.url for row in Buffer.objects.all()} == set(settings.BUFFER_URLS)


def test_without_the_database_the_ring_goes_on_with_what_it_knows(
    pair: tuple[Valkey, Valkey], watched: Callable[..., Ring], caplog: pytest.LogCaptureFixture
) -> None:
    one, two = pair
    buffers.tend()
    buffers.drain(buffers.named(identify(one.url)))
    ring = watched()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE ingest_buffer RENAME TO hidden")
        cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'ring'")
    try:
        until(lambda: "does not say which buffers" in caplog.text)
        assert {append(ring) for _ in range(4)} == {identify(two.url)}
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE hidden RENAME TO ingest_buffer")
    until(lambda: "says again" in caplog.text)


def fill(server: Valkey, percent: int, limit_mb: int = 32) -> None:
    client = server.client()
    client.config_set("maxmemory", limit_mb * MB)
    number = 0
    while client.info("memory")["used_memory"] < limit_mb * MB * percent // 100:
        number += 1
        client.hset("ballast", str(number), b"\0" * (MB // 5))


def test_a_buffer_that_is_too_full_is_left_out_until_it_is_not(
    pair: tuple[Valkey, Valkey], watched: Callable[..., Ring]
) -> None:
    one, two = pair
    ring = watched()
    fill(one, PERCENT + 8)
    until(lambda: one.url in ring.set_aside())
    assert "BUFFER_FILL_PERCENT is 80" in ring.set_aside()[one.url]
    assert {append(ring) for _ in range(4)} == {identify(two.url)}
    fill(two, PERCENT + 8)
    until(lambda: len(ring.set_aside()) == 2)
    with pytest.raises(NoBufferAvailable, match=f"{two.url}: 8. % of its memory"):
        append(ring)
    assert any("No buffer takes batches" in words for words in ring_state().problems)
    one.client().delete("ballast")
    until(lambda: ring.in_use() == [one.url])
    assert append(ring) == identify(one.url)


def test_all_buffers_together_hold_no_more_than_the_bound(
    pair: tuple[Valkey, Valkey], watched: Callable[..., Ring]
) -> None:
    one, two = pair
    ring = watched(max_mb=40)
    for server in pair:
        server.client().set("ballast", b"\0" * 22 * MB)
    until(lambda: len(ring.set_aside()) == 2)
    with pytest.raises(NoBufferAvailable, match="BUFFERS_MAX_MB is 40"):
        append(ring)
    one.client().delete("ballast")
    until(lambda: append(ring) in {identify(one.url), identify(two.url)} if ring.in_use() else False)


def test_a_buffer_is_taken_again_only_somewhat_below_its_bound() -> None:
    full, less, no_limit = Memory(81, 100), Memory(77, 100), Memory(10**9, 0)
    assert too_full({"a": full, "b": less, "c": no_limit}, 80, 0).keys() == {"a"}
    assert too_full({"a": less, "b": less}, 80, 0, before={"a"}).keys() == {"a"}
    assert too_full({"a": Memory(75, 100)}, 80, 0, before={"a"}) == {}
    assert too_full({"a": Memory(9 * MB, 0), "b": Memory(MB // 2, 0)}, 80, 10) == {}
    assert too_full({"a": Memory(9 * MB, 0), "b": Memory(2 * MB, 0)}, 80, 10).keys() == {"a", "b"}


def test_nothing_gets_into_a_sealed_buffer_and_nothing_is_counted_there(pair: tuple[Valkey, Valkey]) -> None:
    one, two = pair
    ring = Ring([one.url, two.url])
    append(ring, b"in")
    assert seal(one.client()) == "1 entries wait in it"
    client: Any = one.client()
    [(entry, _)] = client.xrange("dataflow:batches")
    client.xdel("dataflow:batches", entry)
    assert seal(one.client()) == "the books have not taken over all it counted"
    one.client().delete("dataflow:received")
    assert seal(one.client()) == ""
    assert is_sealed(one.client())
    assert {append(ring, b"late") for _ in range(3)} == {identify(two.url)}
    assert payloads_in(two.url) == [b"late"] * 3
    assert "WRONGTYPE" in ring.set_aside()[one.url]


@pytest.mark.django_db(transaction=True)
def test_an_opened_buffer_goes_on_with_its_stream_so_that_no_entry_comes_twice(pair: tuple[Valkey, Valkey]) -> None:
    one = pair[0]
    one.client().xadd("dataflow:batches", {"x": 1}, id="9999999999999-0")
    one.client().xdel("dataflow:batches", "9999999999999-0")
    assert seal(one.client()) == ""
    buffers.add(one.url)
    assert Ring([one.url]).append(batch_of("test", minutes, [b"t"], [b"x"])).entry == "9999999999999-1"
    assert received_by(one.url) == 1


@pytest.mark.django_db(transaction=True)
def test_what_would_be_a_mistake_is_refused_and_no_refusal_shows_a_password(
    pair: tuple[Valkey, Valkey], settings: Any
) -> None:
    one, two = pair
    settings.BUFFER_URLS = [one.url]
    buffers.tend()
    row = buffers.named(identify(one.url))
    two.client().config_set("appendonly", "no")
    with pytest.raises(Refused, match="forgets what it holds"):
        buffers.add(two.url)
    two.client().config_set("maxmemory-policy", "allkeys-lru")
    refused: list[tuple[str, Callable[[], object]]] = [
        ("in the ring already", lambda: buffers.add(one.url.replace("127.0.0.1", "localhost"))),
        ("throws data away", lambda: buffers.add(two.url)),
        ("does not answer", lambda: buffers.add("redis://:canary@127.0.0.1:9/0")),
        ("of the form", lambda: buffers.add("http://:canary@127.0.0.1")),
        ("REDIS_URL", lambda: buffers.add(settings.REDIS_URL)),
        ("from 1 to 10", lambda: buffers.set_weight(row, 11)),
        ("only active buffer", lambda: buffers.drain(row)),
        ("No buffer 'zzz'", lambda: buffers.named("zzz")),
    ]
    for words, change in refused:
        with pytest.raises(Refused, match=words) as caught:
            change()
        assert "canary" not in str(caught.value)
    assert [(row.state, row.weight) for row in Buffer.objects.all()] == [("active", 1)]
