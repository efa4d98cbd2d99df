"""A bridge whose slots are given, taken and lost while it works."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from ingest.bridge import holdings
from ingest.bridge.fitness import PATIENCE_S, Fitness
from ingest.bridge.loop import Bridge
from ingest.bridge.tenure import Holding, Tenure, steady
from ingest.broker import Broker
from ingest.names import session_name
from ingest.slots import Lease, Returned
from ingest.tests.bridges import Bench, ring_of, step_for, step_until, tenure_of
from ingest.tests.servers import Mosquitto, Valkey, free_port, needs_mosquitto, payloads_in
from ingest.tests.test_bridge_loop import NoBuffers

pytestmark = needs_mosquitto
LEASE_S = 10.0


def numbers(count: int, first: int = 0) -> list[bytes]:
    return [b"%d" % n for n in range(first, first + count)]


@pytest.fixture
def bench(mosquitto: Mosquitto) -> Bench:
    return Bench(mosquitto.url, shared=True)


@pytest.fixture
def buffer(start_valkey: Callable[[], Valkey]) -> Valkey:
    return start_valkey()


class Clock:
    """The steady clock, with leaps."""

    leapt = 0.0

    def __call__(self) -> float:
        return steady() + self.leapt


class Careless(Tenure):
    """The mistake that all this is meant to prevent, as a control: it never looks at the clock."""

    def lapsed(self) -> bool:
        return False

    def look(self) -> list[Holding]:
        return [Holding(lease, False) for lease in self._held.values()]


def stands_still(bench: Bench, buffer: Valkey, kind: type[Tenure] = Tenure) -> Bridge:
    """Let a bridge take messages, stand still until its lease has run out, and then find a buffer for them."""
    clock = Clock()
    tenure = kind(LEASE_S, clock)
    tenure.answered(clock(), [Lease(session_name(bench.name, 0), 0, 1, False)], [])
    bridge = bench.bridge(ring_of(buffer.url), tenure=tenure)
    buffer.kill()
    bench.publish(numbers(50))
    step_until(bridge, lambda: bridge.counters.received == 50 and bridge.counters.refused > 0)
    buffer.start()
    clock.leapt = LEASE_S + 1
    step_until(bridge, lambda: bridge.counters.appended == 50)
    step_for(bridge, 0.3)
    return bridge


def test_a_bridge_that_stood_still_acknowledges_nothing_and_its_successor_gets_it_all(
    bench: Bench, buffer: Valkey, start_valkey: Callable[[], Valkey]
) -> None:
    sleeper = stands_still(bench, buffer)
    assert (sleeper.counters.acked, sleeper.slots) == (0, [])
    other = start_valkey()
    successor = bench.bridge(ring_of(other.url))
    step_until(successor, lambda: successor.counters.acked == 50)
    assert payloads_in(other.url) == numbers(50)


def test_a_bridge_that_does_not_look_at_the_clock_is_caught_acknowledging(bench: Bench, buffer: Valkey) -> None:
    assert stands_still(bench, buffer, Careless).counters.acked == 50


def test_a_slot_that_is_given_back_is_emptied_in_order_and_the_others_work_on(bench: Bench, buffer: Valkey) -> None:
    sessions = [session_name(bench.name, number) for number in range(2)]
    tenure = tenure_of(*sessions)
    bridge = bench.bridge(ring_of(buffer.url), slots=2, tenure=tenure)
    bench.publish(numbers(200))
    step_until(bridge, lambda: bridge.counters.received > 0)
    keep, give = (slot.lease for slot in bridge.slots)
    tenure.answered(tenure.clock(), [keep, give], [give])
    step_until(bridge, lambda: tenure.returned() == [Returned(give)])
    assert [slot.lease for slot in bridge.slots] == [keep]
    tenure.answered(tenure.clock(), [keep], [], tenure.returned())

    other = tenure_of(sessions[1])
    successor = bench.bridge(ring_of(buffer.url), tenure=other)
    bench.publish(numbers(200, 200))
    for _ in range(200):
        bridge.step()
        successor.step()
        if bridge.counters.acked + successor.counters.acked == 400:
            break
    assert sorted(payloads_in(buffer.url), key=int) == numbers(400), "each once"
    assert successor.counters.acked >= 100


def test_a_slot_is_given_back_without_its_messages_when_no_buffer_takes_them(
    bench: Bench, buffer: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(holdings, "HANDOVER_S", 0.2)
    tenure = tenure_of(session_name(bench.name, 0))
    bridge = bench.bridge(NoBuffers(), tenure=tenure)
    bench.publish(numbers(30))
    step_until(bridge, lambda: bridge.counters.received == 30)
    lease = bridge.slots[0].lease
    tenure.answered(tenure.clock(), [lease], [lease])
    step_until(bridge, lambda: tenure.returned() == [Returned(lease)])
    assert bridge.counters.acked == 0
    successor = bench.bridge(ring_of(buffer.url))
    step_until(successor, lambda: payloads_in(buffer.url) == numbers(30))


def test_a_slot_that_was_to_be_given_back_and_is_needed_again_goes_on(bench: Bench, buffer: Valkey) -> None:
    tenure = tenure_of(session_name(bench.name, 0))
    bridge = bench.bridge(ring_of(buffer.url), tenure=tenure)
    buffer.kill()
    bench.publish(numbers(10))
    step_until(bridge, lambda: bridge.counters.received == 10)
    slot = bridge.slots[0]
    tenure.answered(tenure.clock(), [slot.lease], [slot.lease])
    step_until(bridge, lambda: slot.leaving_since is not None)
    tenure.answered(tenure.clock(), [slot.lease], [])
    buffer.start()
    bench.publish(numbers(10, 10))
    step_until(bridge, lambda: bridge.counters.acked == 20)
    assert bridge.slots == [slot]
    assert payloads_in(buffer.url) == numbers(20)


def test_a_slot_that_is_somebody_else_s_is_let_go_without_a_word(
    bench: Bench, buffer: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    tenure = tenure_of(session_name(bench.name, 0))
    bridge = bench.bridge(ring_of(buffer.url), tenure=tenure)
    tenure.answered(tenure.clock(), [], [])
    step_until(bridge, lambda: bridge.slots == [])
    assert "let go" in caplog.text
    assert tenure.returned() == []


def test_two_bridges_without_a_lease_do_not_take_a_session_from_each_other_for_ever(
    bench: Bench, buffer: Valkey, caplog: pytest.LogCaptureFixture
) -> None:
    """The first has it, the second takes it with a lease; then the database is away for both of them."""
    clock = Clock()
    session = session_name(bench.name, 0)
    first_tenure, second_tenure = (tenure_of(session, lease_s=LEASE_S, clock=clock) for _ in range(2))
    first = bench.bridge(ring_of(buffer.url), tenure=first_tenure)
    for _ in range(4):
        clock.leapt += LEASE_S / 3
        first_tenure.look()
    assert not first_tenure.is_leased()
    second_tenure.answered(clock(), [Lease(session, 0, 2, False)], [])
    second = bench.bridge(ring_of(buffer.url), tenure=second_tenure)
    deadline = time.monotonic() + 10
    while first.slots and time.monotonic() < deadline:
        first.step()
        second.step()
    assert first.slots == []
    assert "So it is left alone" in caplog.text
    step_until(second, lambda: second.slots[0].ready)
    bench.publish(numbers(10))
    step_until(second, lambda: second.counters.acked == 10)


# --- Fitness ---------------------------------------------------------------------------------------------------------


def judge(fitness: Fitness, seconds: range, **seen: bool) -> list[bool]:
    return [fitness.judge(1000.0 + second, **seen) for second in seconds]


def test_a_bridge_that_does_not_reach_a_broker_or_a_buffer_is_not_fit_after_a_while() -> None:
    for seen in ({"ready": False, "delivers": True}, {"ready": True, "delivers": False}):
        fitness = Fitness(Broker.of_url(f"mqtt://127.0.0.1:{free_port()}"), lambda: None)
        assert all(judge(fitness, range(2), holds=True, ready=True, delivers=True))
        judged = judge(fitness, range(2, 30), holds=True, **seen)
        assert judged.index(False) == PATIENCE_S
        assert not any(judged[judged.index(False) :])
        assert judge(fitness, range(30, 31), holds=True, ready=True, delivers=True) == [True]


def test_a_bridge_without_slots_is_fit_again_once_it_finds_the_broker(mosquitto: Mosquitto) -> None:
    fitness = Fitness(Broker.of_url(mosquitto.url), lambda: None)
    judge(fitness, range(12), holds=True, ready=False, delivers=True)
    assert not fitness.fit
    mosquitto.stop()

    def looks(seconds: range) -> bool:
        for second in seconds:
            judge(fitness, range(second, second + 1), holds=False, ready=False, delivers=True)
            time.sleep(0.05)
        return fitness.fit

    assert not looks(range(12, 30))
    mosquitto.start()
    assert looks(range(30, 50))
