"""What a bridge may hold between two words of the database."""

from __future__ import annotations

import pytest

from ingest.bridge.tenure import Tenure
from ingest.slots import Lease, Returned

ONE, TWO = Lease("one", 0, 1, False), Lease("two", 1, 1, False)
LEASE_S = 10.0


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tenure(clock: Clock) -> Tenure:
    """A bridge that has just been given two slots."""
    tenure = Tenure(LEASE_S, clock)
    assert not tenure.known
    tenure.answered(clock.now, [ONE, TWO], [])
    return tenure


def leases(tenure: Tenure) -> set[Lease]:
    return {holding.lease for holding in tenure.look()}


def watch(tenure: Tenure, clock: Clock, seconds: float) -> None:
    """Let time pass with a look at the clock four times a second, as the bridge's loop has it."""
    for _ in range(int(seconds * 4)):
        clock.now += 0.25
        tenure.look()


def test_a_lease_counts_from_the_moment_before_the_database_was_asked(tenure: Tenure, clock: Clock) -> None:
    clock.now += 8
    tenure.answered(clock.now - 3, [ONE], [])
    clock.now += 6.9
    assert tenure.is_leased()
    assert tenure.holds(ONE)
    assert not tenure.holds(TWO)
    clock.now += 0.2
    assert not tenure.is_leased()


def test_after_standing_still_for_longer_than_the_lease_nothing_is_held_and_the_database_is_asked(
    tenure: Tenure, clock: Clock
) -> None:
    asked = []
    tenure.ask = lambda: asked.append(clock.now)
    clock.now += LEASE_S + 0.1
    assert tenure.lapsed()
    assert not tenure.holds(ONE), "before anybody has looked"
    assert leases(tenure) == set()
    assert asked == [clock.now]
    assert not tenure.holds(ONE)
    tenure.answered(clock.now - LEASE_S - 1, [ONE], [])
    assert leases(tenure) == {ONE}, "an answer brings it back,"
    clock.now += LEASE_S / 2 + 0.1
    assert leases(tenure) == set(), "but not for long when it was asked for long ago"


def test_while_the_database_is_silent_a_bridge_that_does_not_stand_still_keeps_what_it_has(
    tenure: Tenure, clock: Clock
) -> None:
    watch(tenure, clock, 600)
    assert not tenure.is_leased()
    assert tenure.holds(ONE)
    clock.now += LEASE_S / 2 - 0.1
    assert leases(tenure) == {ONE, TWO}
    clock.now += LEASE_S / 2 + 0.1
    assert leases(tenure) == set()


def test_a_slot_that_the_broker_gave_to_somebody_else_is_lost_unless_it_is_leased(tenure: Tenure, clock: Clock) -> None:
    assert not tenure.taken_over(ONE)
    assert tenure.holds(ONE)
    watch(tenure, clock, LEASE_S + 1)
    assert tenure.taken_over(ONE)
    assert leases(tenure) == {TWO}
    tenure.answered(clock.now, [ONE, TWO], [])
    assert leases(tenure) == {ONE, TWO}, "the database knows better"


def test_what_is_given_back_does_not_return_with_an_answer_that_was_on_its_way(tenure: Tenure, clock: Clock) -> None:
    tenure.answered(clock.now, [ONE, TWO], [TWO])
    assert {holding.lease for holding in tenure.look() if holding.surplus} == {TWO}
    asked_at, told = clock.now, tenure.returned()
    tenure.give_back(TWO)
    tenure.answered(asked_at, [ONE, TWO], [TWO], told)
    assert leases(tenure) == {ONE}
    assert tenure.returned() == [Returned(TWO)]
    tenure.answered(clock.now, [ONE], [], tenure.returned())
    assert tenure.returned() == []
    again = TWO._replace(epoch=2)
    tenure.answered(clock.now, [ONE, again], [])
    assert leases(tenure) == {ONE, again}


def test_what_belongs_to_an_earlier_holding_is_not_held(tenure: Tenure, clock: Clock) -> None:
    tenure.answered(clock.now, [ONE._replace(epoch=3)], [])
    assert not tenure.holds(ONE)
    assert tenure.holds(ONE._replace(epoch=3, retiring=True)), "the same holding, whatever becomes of the slot"


def test_new_connections_are_told_at_once_and_a_bridge_is_not_ready_before_there_are_slots(clock: Clock) -> None:
    tenure, asked = Tenure(LEASE_S, clock), list[int]()
    tenure.ask = lambda: asked.append(1)
    tenure.answered(clock.now, [], [], slots=0)
    known = [tenure.known]
    tenure.answered(clock.now, [ONE], [])
    assert [*known, tenure.known] == [False, True]
    for sessions in (("s0",), ("s0",), ("s0", "s1"), ("s1",), ()):
        tenure.say_connected(sessions)
    assert len(asked) == 2
