"""Waiting between tries."""

import random

from simulators.backoff import Backoff


def test_delays_double_up_to_the_longest_and_are_shortened_by_at_most_half() -> None:
    backoff = Backoff(first=1.0, longest=15.0, rng=random.Random(1))
    for full in (1.0, 2.0, 4.0, 8.0, 15.0, 15.0):
        assert full / 2 <= backoff.next() <= full


def test_two_devices_that_lost_the_same_broker_wait_for_different_times() -> None:
    assert len({Backoff().next() for _ in range(50)}) == 50


def test_a_success_starts_again_from_the_shortest_delay() -> None:
    backoff = Backoff(first=1.0, longest=60.0)
    for _ in range(2000):
        backoff.next()
    backoff.reset()
    assert backoff.next() <= 1.0
