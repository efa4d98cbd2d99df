"""The ring, on real Valkey servers that are killed, frozen, filled and wiped."""

from __future__ import annotations

import logging
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest
import redis

from ingest.envelope import Minutes, batch_of
from ingest.ring import BUFFER_ID, BUFFER_KEY, RECEIVED, NoBufferAvailable, Ring, SameServer, identify, without_password
from ingest.tests.servers import Valkey, batches_in, payloads_in, received_by

minutes = Minutes()


def append(ring: Ring, *payloads: bytes) -> str:
    """Append a batch and return the identity of the buffer that took it."""
    return ring.append(batch_of("test", minutes, [b"t"] * len(payloads), list(payloads))).buffer


class Clock:
    """A clock that tests set forward."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_batches_go_round_the_ring_and_are_counted_where_they_are(pair: tuple[Valkey, Valkey]) -> None:
    one, two = pair
    ring = Ring([one.url, two.url])
    buffers = [append(ring, b"a", b"b"), append(ring, b"c"), append(ring, b"d"), append(ring, b"e")]
    assert buffers == [identify(one.url), identify(two.url)] * 2
    assert (payloads_in(one.url), payloads_in(two.url)) == ([b"a", b"b", b"d"], [b"c", b"e"])
    assert (received_by(one.url), received_by(two.url)) == (3, 2)


def test_an_entry_says_what_it_holds_and_under_which_minute_it_is_counted(start_valkey: Callable[[], Valkey]) -> None:
    server = start_valkey()
    batch = batch_of("north", minutes, [b"t", b"t"], [b"1", b"2"])
    appended = Ring([server.url]).append(batch)
    client: Any = server.client()
    [(entry, fields)] = client.xrange("dataflow:batches")
    assert entry.decode() == appended.entry
    assert (fields[b"n"], fields[b"minute"]) == (b"2", str(batch.minute).encode())
    assert client.hgetall(RECEIVED) == {str(batch.minute).encode(): b"2"}
    assert batches_in(server.url) == [batch]
    assert client.hget(BUFFER_KEY, BUFFER_ID) == appended.buffer.encode()
    assert len(bytes.fromhex(appended.buffer)) == 6


def test_a_killed_buffer_is_skipped_at_once_and_used_again_when_it_is_back(pair: tuple[Valkey, Valkey]) -> None:
    one, two = pair
    clock = Clock()
    ring = Ring([one.url, two.url], clock)
    append(ring, b"0")
    two.kill()
    began = time.monotonic()
    for n in range(20):
        append(ring, b"%d" % n)
    assert time.monotonic() - began < 0.9
    assert list(ring.set_aside()) == [two.url]
    two.start()
    append(ring, b"still set aside")
    assert received_by(two.url) == 0
    clock.now += 0.5
    for n in range(4):
        append(ring, b"%d" % n)
    assert received_by(two.url) == 2
    assert ring.in_use() == [one.url, two.url]


def test_the_pause_of_a_dead_buffer_doubles_up_to_five_seconds(start_valkey: Callable[[], Valkey]) -> None:
    server, clock = start_valkey(), Clock()
    ring = Ring([server.url], clock)
    server.kill()
    pauses = []
    for _ in range(6):
        with pytest.raises(NoBufferAvailable):
            append(ring, b"x")
        since = clock.now
        while not ring._buffers[0]._retry_at <= clock.now:
            clock.now += 0.25
        pauses.append(clock.now - since)
    assert pauses == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


def test_a_frozen_buffer_costs_one_time_out_and_then_little(pair: tuple[Valkey, Valkey]) -> None:
    one, two = pair
    clock = Clock()
    ring = Ring([one.url, two.url], clock)
    append(ring, b"0")
    two.signal(signal.SIGSTOP)
    began = time.monotonic()
    append(ring, b"1")
    assert 0.9 < time.monotonic() - began < 1.9
    clock.now += 10
    began = time.monotonic()
    append(ring, b"2")
    append(ring, b"3")
    assert time.monotonic() - began < 0.9, "a buffer that is set aside is asked whether it is well, and not for long"
    assert sorted(payloads_in(one.url)) == [b"0", b"1", b"2", b"3"]


def test_a_full_buffer_passes_its_batches_on_and_can_still_be_identified(pair: tuple[Valkey, Valkey]) -> None:
    one, two = pair
    identity = identify(one.url)
    one.client().config_set("maxmemory", 1)
    ring = Ring([one.url, two.url])
    assert append(ring, b"x") == identify(two.url)
    assert "OutOfMemory" in ring.set_aside()[one.url]
    assert identify(one.url) == identity
    assert received_by(one.url) == 0


def test_when_no_buffer_takes_a_batch_the_reason_of_each_is_named(pair: tuple[Valkey, Valkey]) -> None:
    one, two = pair
    one.kill()
    two.client().config_set("maxmemory", 1)
    ring = Ring([one.url, two.url])
    with pytest.raises(NoBufferAvailable) as caught:
        append(ring, b"x")
    assert f"{one.url}: ConnectionError" in str(caught.value)
    assert f"{two.url}: OutOfMemoryError" in str(caught.value)
    assert ring.in_use() == []


def test_a_failing_append_leaves_neither_an_entry_nor_a_count(start_valkey: Callable[[], Valkey]) -> None:
    server = start_valkey()
    client = server.client()
    client.acl_setuser("default", enabled=True, nopass=True, commands=["+@all", "-xadd"], keys=["*"])
    with pytest.raises(NoBufferAvailable, match="xadd"):
        append(Ring([server.url]), b"x")
    assert client.exists(RECEIVED, "dataflow:batches") == 0


def test_a_restarted_buffer_keeps_its_identity_and_a_replaced_one_gets_another(
    start_valkey: Callable[[], Valkey],
) -> None:
    server = start_valkey()
    ring = Ring([server.url])
    first = append(ring, b"1")
    server.kill()
    server.start()
    assert append(ring, b"2") == first, "a connection that was lost while idle is not the fault of the buffer"
    server.client().flushall()
    second = append(ring, b"3")
    assert second != first
    assert second == identify(server.url)
    assert payloads_in(server.url) == [b"3"]


def test_two_addresses_of_one_server_are_a_mistake_that_names_both(pair: tuple[Valkey, Valkey]) -> None:
    one, two = pair
    alias = one.url.replace("127.0.0.1", "localhost")
    with pytest.raises(SameServer, match=rf"{one.url} and {alias} are the same server"):
        Ring([one.url, two.url, alias]).check()
    two.kill()
    ring = Ring([one.url, two.url])
    ring.check()
    assert list(ring.set_aside()) == [two.url], "an unreachable buffer is no mistake"


def test_a_ring_without_buffers_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one buffer"):
        Ring([])


def test_a_change_of_health_is_logged_once_and_without_the_password(
    pair: tuple[Valkey, Valkey], caplog: pytest.LogCaptureFixture
) -> None:
    two = pair[1]
    for server in pair:
        server.client().config_set("requirepass", "canary")
    urls = [server.url.replace("//", "//:canary@") for server in pair]
    clock = Clock()
    ring = Ring(urls, clock)
    caplog.set_level(logging.INFO, "ingest.ring")
    two.kill()
    for _ in range(9):
        append(ring, b"x")
        clock.now += 6
    two.start()
    two.client().config_set("requirepass", "canary")
    clock.now += 6
    append(ring, b"x")
    append(ring, b"x")
    assert [record.getMessage().split(":")[0] for record in caplog.records] == [
        "buffer redis",
        "buffer redis",
    ]
    assert f"buffer {two.url} is set aside" in caplog.text
    assert f"buffer {two.url} takes batches again" in caplog.text
    assert "canary" not in caplog.text


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("redis://user:p%40ss@host:6379/0", "redis://host:6379/0"),
        ("rediss://:secret@host/1?ssl_cert_reqs=none", "rediss://host/1"),
        ("redis://[::1]:6379", "redis://[::1]:6379"),
        ("unix:///run/redis.sock?password=secret", "unix:///run/redis.sock"),
    ],
)
def test_an_address_is_shown_without_its_password(url: str, shown: str) -> None:
    assert without_password(url) == shown


def test_closing_the_ring_closes_its_connections(start_valkey: Callable[[], Valkey]) -> None:
    server = start_valkey()
    ring = Ring([server.url])
    append(ring, b"x")
    watcher = server.client()
    before = int(watcher.info("clients")["connected_clients"])
    ring.close()
    time.sleep(0.05)
    assert int(watcher.info("clients")["connected_clients"]) == before - 1
    assert isinstance(watcher, redis.Redis)
