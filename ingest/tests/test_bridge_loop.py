"""The bridge on real brokers and real buffers: what it promises, and what it does when things break."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

import pytest
from django.conf import settings

from ingest.bridge.loop import Bridge
from ingest.bridge.pending import Sealed
from ingest.envelope import Batch
from ingest.ring import Appended, NoBufferAvailable, identify
from ingest.tests.bridges import Bench, crash, ring_of, step_for, step_until
from ingest.tests.servers import Mosquitto, Valkey, batches_in, needs_mosquitto, payloads_in, received_by


def numbers(count: int, first: int = 0) -> list[bytes]:
    return [b"%d" % n for n in range(first, first + count)]


class NoBuffers:
    """A ring whose servers are all down."""

    def append(self, batch: Batch) -> Appended:
        raise NoBufferAvailable("redis://one: down; redis://two: down")

    def in_use(self) -> list[str]:
        return []

    def set_aside(self) -> dict[str, str]:
        return {"redis://one": "down", "redis://two": "down"}


def acknowledge_first(bridge: Bridge) -> None:
    """Give a bridge the mistake that everything here is meant to prevent, as a control."""
    proper = bridge.delivery.bring

    def bring(sealed: Sealed) -> None:
        for acks in sealed.acks:
            acks.connection.acknowledge(acks)
        proper(sealed)

    bridge.delivery.bring = bring  # type: ignore[method-assign]


def test_messages_arrive_in_order_with_topic_and_bytes_untouched(bench: Bench, pair: tuple[Valkey, Valkey]) -> None:
    bridge = bench.bridge(ring_of(pair[0].url))
    odd = [b"", b"\xff\x00", "é".encode(), b"x" * 300_000, b'{"speed": 1}']
    bench.publish(odd)
    bench.publish([b"deep"], topic="a/b/c/d")
    step_until(bridge, lambda: bridge.counters.acked == 6)
    batches = batches_in(pair[0].url)
    assert payloads_in(pair[0].url) == [*odd, b"deep"]
    assert [topic for batch in batches for topic in batch.topics][-2:] == [
        f"{bench.name}/v/telemetry".encode(),
        f"{bench.name}/a/b/c/d".encode(),
    ]
    assert all(abs(at - time.time()) < 20 for batch in batches for at in batch.received)
    assert {batch.source for batch in batches} == {bench.name}
    assert set(bench.woken) == {identify(pair[0].url)}


def test_many_messages_are_packed_into_few_batches_over_all_buffers(bench: Bench, pair: tuple[Valkey, Valkey]) -> None:
    bridge = bench.bridge(ring_of(*(server.url for server in pair)))
    bench.publish(numbers(3000))
    step_until(bridge, lambda: bridge.counters.acked == 3000)
    assert sorted(payloads_in(*(server.url for server in pair)), key=int) == numbers(3000)
    assert received_by(*(server.url for server in pair)) == 3000
    assert bridge.counters.batches < 200
    assert all(server.client().xlen("dataflow:batches") > 1 for server in pair)


def test_messages_of_qos_0_are_taken_too(bench: Bench, pair: tuple[Valkey, Valkey]) -> None:
    bridge = bench.bridge(ring_of(pair[0].url))
    bench.publish(numbers(20), qos=0)
    step_until(bridge, lambda: bridge.counters.appended == 20)
    assert payloads_in(pair[0].url) == numbers(20)
    # Mosquitto sends them as they came; rumqttd sends everything with the QoS of the subscription.
    assert (bridge.counters.unpromised, bridge.counters.acked) == ((20, 0) if bench.shared else (0, 20))


def what_is_missing_after_a_crash(bench: Bench, url: str, spoil: Callable[[Bridge], None] | None = None) -> set[bytes]:
    """Crash a bridge that has taken messages and found no buffer; return what a second one does not bring in."""
    first = bench.bridge(NoBuffers())
    if spoil is not None:
        spoil(first)
    bench.publish(numbers(50))
    step_until(first, lambda: first.counters.received == 50 and first.counters.refused > 0)
    crash(first)
    second = bench.bridge(ring_of(url))
    deadline = time.monotonic() + 1.5
    while received_by(url) < 50 and time.monotonic() < deadline:
        step_for(second, 0.05)
    return set(numbers(50)) - set(payloads_in(url))


def test_nothing_is_acknowledged_while_no_buffer_takes_it_so_a_crash_loses_nothing(
    bench: Bench, start_valkey: Callable[[], Valkey]
) -> None:
    assert what_is_missing_after_a_crash(bench, start_valkey().url) == set()


def test_a_bridge_that_acknowledges_first_is_caught_losing_messages(
    bench: Bench, start_valkey: Callable[[], Valkey]
) -> None:
    assert what_is_missing_after_a_crash(bench, start_valkey().url, acknowledge_first) != set()


def test_without_buffers_it_says_so_holds_everything_and_recovers_by_itself(
    bench: Bench, start_valkey: Callable[[], Valkey], caplog: pytest.LogCaptureFixture
) -> None:
    server = start_valkey()
    bridge = bench.bridge(ring_of(server.url))
    server.kill()
    bench.publish(numbers(700))
    step_until(bridge, lambda: bridge.counters.received >= 50 and bridge.counters.refused > 1)
    step_for(bridge, 0.3)
    assert bridge.counters.acked == 0
    [warning] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "no buffer takes batches" in warning.getMessage()
    assert "ConnectionError" in warning.getMessage()
    server.start()
    step_until(bridge, lambda: bridge.counters.acked == 700)
    assert payloads_in(server.url) == numbers(700)
    assert "a buffer takes batches again" in caplog.text


def test_a_buffer_killed_in_mid_stream_is_skipped_and_later_used_again(
    bench: Bench, pair: tuple[Valkey, Valkey]
) -> None:
    one, two = pair
    bridge = bench.bridge(ring_of(one.url, two.url))
    bench.publish(numbers(500))
    step_until(bridge, lambda: bridge.counters.appended > 100)
    two.kill()
    bench.publish(numbers(500, 500))
    step_until(bridge, lambda: bridge.counters.acked == 1000)
    before = one.client().xlen("dataflow:batches")
    two.start()
    kept = received_by(two.url)
    total = 1000

    def all_acknowledged() -> bool:
        return bridge.counters.acked == total

    while received_by(two.url) == kept:  # a batch may take all that comes at once, and goes to one of the two
        assert total < 5000, "it is used again"
        bench.publish(numbers(500, total))
        total += 500
        step_until(bridge, all_acknowledged)
    assert one.client().xlen("dataflow:batches") >= before
    assert set(payloads_in(one.url, two.url)) == set(numbers(total))


def test_an_error_of_its_own_ends_one_connection_and_loses_nothing(
    bench: Bench, pair: tuple[Valkey, Valkey], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    bridge = bench.bridge(ring_of(pair[0].url))
    real, failures = bridge.pending.take, [2]

    def fails_twice(*args: object) -> int:
        if failures[0]:
            failures[0] -= 1
            raise ZeroDivisionError("a mistake in the bridge")
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(bridge.pending, "take", fails_twice)
    bench.publish(numbers(40))
    step_until(bridge, lambda: received_by(pair[0].url) >= 40)
    assert set(payloads_in(pair[0].url)) == set(numbers(40))
    assert bridge.counters.connections >= 2
    assert "a mistake in the bridge" in caplog.text


def test_a_batch_that_cannot_be_appended_for_its_own_sake_comes_again_from_the_broker(
    bench: Bench, pair: tuple[Valkey, Valkey], caplog: pytest.LogCaptureFixture
) -> None:
    ring = ring_of(pair[0].url)
    real, failures = ring.append, [1]

    def fails_once(batch: Batch) -> Appended:
        if failures[0]:
            failures[0] -= 1
            raise ZeroDivisionError("a mistake in the ring")
        return real(batch)

    ring.append = fails_once  # type: ignore[method-assign]
    bridge = bench.bridge(ring)
    bench.publish(numbers(10))
    step_until(bridge, lambda: received_by(pair[0].url) >= 10)
    assert set(payloads_in(pair[0].url)) == set(numbers(10))
    assert bridge.counters.failed > 0
    assert "a mistake in the ring" in caplog.text


def test_a_message_that_stays_unacknowledged_is_noticed_and_sent_again(
    bench: Bench, pair: tuple[Valkey, Valkey], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("ingest.bridge.slot.WATCHDOG_S", 0.3)
    bridge = bench.bridge(ring_of(pair[0].url))
    real = bridge.pending.seal
    monkeypatch.setattr(bridge.pending, "seal", lambda: bridge.pending._open())  # a batch that gets lost
    bench.publish(numbers(5))
    step_until(bridge, lambda: bridge.counters.watchdog == 1)
    monkeypatch.setattr(bridge.pending, "seal", real)
    step_until(bridge, lambda: received_by(pair[0].url) >= 5)
    assert set(payloads_in(pair[0].url)) == set(numbers(5))
    assert "stayed unacknowledged" in caplog.text


def test_reading_pauses_when_too_much_is_held_and_goes_on_afterwards(
    bench: Bench, start_valkey: Callable[[], Valkey], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.bridge.pending.HOLD_MESSAGES", 50)
    server = start_valkey()
    bridge = bench.bridge(ring_of(server.url))
    server.kill()
    bench.publish(numbers(60))
    step_until(bridge, bridge.pending.full)
    bench.publish(numbers(600, 60), qos=0)
    held = bridge.counters.received
    step_for(bridge, 0.5)
    assert bridge.counters.received == held
    server.start()
    step_until(bridge, lambda: bridge.counters.acked == 60)
    assert set(numbers(60)) <= set(payloads_in(server.url))


def test_stopping_brings_in_and_acknowledges_what_was_taken_and_repeats_nothing(
    bench: Bench, start_valkey: Callable[[], Valkey], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    server = start_valkey()
    first = bench.bridge(ring_of(server.url))
    bench.publish(numbers(1000))
    step_until(first, lambda: first.counters.received > 0)
    first.stop()
    first.run()
    assert first.counters.acked == first.counters.appended == first.counters.received
    assert f"ended: {first.counters.received} messages received" in caplog.text
    second = bench.bridge(ring_of(server.url))
    step_until(second, lambda: received_by(server.url) >= 1000)
    step_for(second, 0.1)
    assert sorted(payloads_in(server.url), key=int) == numbers(1000)


def test_stopping_without_buffers_ends_soon_and_leaves_everything_to_the_broker(
    bench: Bench, start_valkey: Callable[[], Valkey]
) -> None:
    first = bench.bridge(NoBuffers())
    bench.publish(numbers(30))
    step_until(first, lambda: first.counters.refused > 0)
    began = time.monotonic()
    first.stop()
    first.run()
    assert time.monotonic() - began < 1
    assert first.counters.acked == 0
    server = start_valkey()
    second = bench.bridge(ring_of(server.url))
    step_until(second, lambda: payloads_in(server.url) == numbers(30))


@needs_mosquitto
def test_several_slots_share_the_messages_between_them(
    mosquitto: Mosquitto, start_valkey: Callable[[], Valkey]
) -> None:
    server = start_valkey()
    bench = Bench(mosquitto.url, shared=True)
    bridge = bench.bridge(ring_of(server.url), slots=3)
    bench.publish(numbers(300))
    step_until(bridge, lambda: bridge.counters.acked == 300)
    assert sorted(payloads_in(server.url), key=int) == numbers(300)
    assert bridge.counters.connections == 3


@needs_mosquitto
def test_it_outlives_a_restart_of_the_broker_and_warns_when_its_session_is_gone(
    mosquitto: Mosquitto,
    start_valkey: Callable[[], Valkey],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ingest.bridge.slot.LONGEST_PAUSE_S", 0.4)
    server, bench = start_valkey(), Bench(mosquitto.url, shared=True)
    bridge = bench.bridge(ring_of(server.url))
    bench.publish(numbers(10))
    step_until(bridge, lambda: bridge.counters.acked == 10)
    step_for(bridge, 0.2)
    mosquitto.stop()  # it saves its sessions
    step_for(bridge, 1)
    mosquitto.start()
    step_until(bridge, lambda: bridge.slots[0].ready and bridge.counters.connections == 2)
    assert "lost the session" not in caplog.text
    bench.publish(numbers(10, 10))
    step_until(bridge, lambda: set(payloads_in(server.url)) == set(numbers(20)))

    mosquitto.stop()
    (mosquitto.folder / "mosquitto.db").unlink()
    mosquitto.start()
    step_until(bridge, lambda: bridge.counters.connections == 3)
    assert "the broker has lost the session" in caplog.text


@needs_mosquitto
def test_a_message_taken_before_and_appended_after_a_reconnect_is_not_acknowledged_by_number(
    mosquitto: Mosquitto, start_valkey: Callable[[], Valkey]
) -> None:
    server, bench = start_valkey(), Bench(mosquitto.url, shared=True)
    bridge = bench.bridge(ring_of(server.url))
    server.kill()
    bench.publish(numbers(5))
    step_until(bridge, lambda: bridge.counters.received == 5)
    bridge.slots[0].client.drop("a cut of the network")
    step_until(bridge, lambda: bridge.counters.received == 10)
    server.start()
    step_until(bridge, lambda: bridge.counters.acked == 5)
    assert bridge.counters.stale == 5
    assert sorted(payloads_in(server.url)) == sorted(numbers(5) * 2), "once more than needed, which the store finds out"


def test_a_broker_with_a_small_window_does_not_wait_for_the_time_limit_of_every_batch(
    start_valkey: Callable[[], Valkey],
) -> None:
    server, bench = start_valkey(), Bench(settings.MQTT_URL, shared=False)
    bridge = bench.bridge(ring_of(server.url))
    bench.publish(numbers(5000))
    step_until(bridge, lambda: bridge._window.size == 100)
    step_until(bridge, lambda: bridge.counters.acked == 5000)
    assert payloads_in(server.url) == numbers(5000)
    crash(bridge)
