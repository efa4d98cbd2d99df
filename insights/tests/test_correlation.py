"""Lagged correlation: it finds who is ahead, and does not believe in what comes by chance."""

from __future__ import annotations

import numpy as np
import pytest

from insights.correlation.lagged import Floats, TooFewPairs, correlate, without_rhythm, worth_of

RANDOM = np.random.default_rng(11)


def test_a_series_that_follows_another_is_found_with_its_lag_and_sign() -> None:
    rain = RANDOM.normal(size=500)
    speed = -2 * np.roll(rain, 7) + 0.5 * RANDOM.normal(size=500)
    found = correlate(rain, speed, 30)
    assert (found.lag, found.is_differenced, found.is_more_than_chance) == (7, False, True)
    assert found.low < found.r < found.high < -0.9
    back = correlate(speed, rain, 30)
    assert back.lag == -7


def test_gaps_cost_pairs_and_nothing_else() -> None:
    one = RANDOM.normal(size=400)
    other = one + 0.1 * RANDOM.normal(size=400)
    one[::3] = np.nan
    found = correlate(one, other, 5)
    assert found.lag == 0
    assert found.pairs == 400 - 134


def test_series_that_remember_are_worth_fewer_pairs() -> None:
    noise = RANDOM.normal(size=(2, 1_000))
    slow = np.array([[0.0] * 1_000, [0.0] * 1_000])
    for place in range(1, 1_000):
        slow[:, place] = 0.9 * slow[:, place - 1] + noise[:, place]
    # For two such series n (1 - ρ²) / (1 + ρ²), here 105 of 1,000.
    assert worth_of(slow[0], slow[1], 1_000) == pytest.approx(105, rel=0.5)
    assert worth_of(noise[0], noise[1], 1_000) == pytest.approx(1_000, rel=0.1)


def test_what_has_no_connection_is_seldom_called_one() -> None:
    found = 0
    for seed in range(60):
        random = np.random.default_rng(seed)
        one, other = (np.convolve(random.normal(size=420), np.ones(20), "valid")[:400] for _ in range(2))
        found += correlate(one, other, 40).is_more_than_chance
    assert found <= 6


def test_series_that_wander_are_compared_by_their_changes() -> None:
    found = [correlate(walk(seed, 0), walk(seed, 1), 10) for seed in range(30)]
    assert sum(one.is_differenced for one in found) >= 25
    assert sum(one.is_more_than_chance for one in found) <= 3
    assert correlate(walk(1, 0), walk(1, 1), 10, differenced=False).is_differenced is False


def walk(seed: int, of: int) -> Floats:
    return np.cumsum(np.random.default_rng([seed, of]).normal(size=500))


def test_a_common_day_is_taken_out() -> None:
    day = np.tile(np.sin(np.arange(24) / 24 * 2 * np.pi), 20)
    one, other = (day * 5 + np.random.default_rng(of).normal(size=480) for of in (1, 2))
    assert correlate(one, other, 3).r > 0.8
    assert not correlate(without_rhythm(one, 24), without_rhythm(other, 24), 3).is_more_than_chance


@pytest.mark.parametrize("series", [np.full(100, 3.0), np.full(100, np.nan), RANDOM.normal(size=15)])
def test_constants_and_too_few_moments_are_refused(series: np.ndarray) -> None:
    with pytest.raises(TooFewPairs):
        correlate(series, RANDOM.normal(size=len(series)), 3)
