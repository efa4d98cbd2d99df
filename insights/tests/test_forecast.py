"""Forecasts: they follow what repeats itself, promise what they keep, and refuse what nobody can know."""

from __future__ import annotations

import math

import numpy as np
import pytest

from insights.forecasting.candidates import candidates
from insights.forecasting.forecast import TooLittleData, forecast
from insights.forecasting.limits import crossing

NOISE = np.random.default_rng(7).normal(size=4_000)
TIMES = np.arange(4_000.0)


def test_what_repeats_itself_every_day_is_expected_again() -> None:
    day = 100
    series = 20 + 5 * np.sin(2 * np.pi * TIMES[:750] / day) + 0.2 * NOISE[:750]
    found = forecast(series[:700], 50, [day])
    assert found.way.startswith("season")
    assert np.abs(found.expected - (20 + 5 * np.sin(2 * np.pi * TIMES[700:750] / day))).max() < 0.6


def test_what_falls_goes_on_falling_but_not_below_what_there_can_be() -> None:
    found = forecast(100 - 0.25 * TIMES[:380] + 0.1 * NOISE[:380], 40, [], low=0.0, high=100.0)
    assert found.way.startswith("trend")
    assert found.expected[0] == pytest.approx(5, abs=0.5)
    assert found.expected[-1] == found.low[-1] == 0.0


@pytest.mark.parametrize(
    "series",
    [NOISE, np.cumsum(NOISE), 10 * np.sin(TIMES / 40) + NOISE, np.convolve(NOISE, np.ones(20), "same")],
    ids=["noise", "walk", "wave", "drift"],
)
def test_intervals_hold_what_they_promise(series: np.ndarray) -> None:
    held = [
        (series[at : at + 12] >= found.low) & (series[at : at + 12] <= found.high)
        for at in range(800, 3_900, 100)
        for found in [forecast(series[at - 800 : at], 12)]
    ]
    assert 0.83 <= np.mean(held) <= 0.97


def test_no_way_looks_ahead() -> None:
    series = np.cumsum(NOISE[:300])
    changed = np.concatenate([series[:200], NOISE[:100] * 1e6])
    for one, other in zip(candidates(series, 5, [24]), candidates(changed, 5, [24]), strict=True):
        assert np.array_equal(one.said[:200], other.said[:200], equal_nan=True), one.name


def test_gaps_of_days_and_constants_are_no_obstacle() -> None:
    series = np.full(900, 21.5)
    series[200:600] = np.nan
    found = forecast(series, 10, [100])
    assert found.expected.tolist() == found.low.tolist() == found.high.tolist() == [21.5] * 10


@pytest.mark.parametrize("series", [np.empty(0), np.array([1.0]), np.full(500, np.nan), NOISE[:29]])
def test_with_too_little_data_nothing_is_forecast(series: np.ndarray) -> None:
    with pytest.raises(TooLittleData, match="too few"):
        forecast(series, 12)


def test_a_limit_is_reached_at_the_earliest_as_expected_and_at_the_latest() -> None:
    steps = np.arange(1.0, 11.0)
    found = crossing(30.0, 30 - 2 * steps, 30 - 4 * steps, 30 - 1.25 * steps, 20.0, None)
    assert (found.is_below, found.is_there) == (True, False)
    assert [found.earliest, found.expected, found.latest] == pytest.approx([2.5, 5.0, 8.0], abs=1.0)
    never = crossing(30.0, 30 + steps, 30 + steps / 2, 30 + 2 * steps, 20.0, None)
    assert never.earliest is never.expected is never.latest is None
    assert crossing(10.0, steps, steps, steps, 20.0, True).is_there


def test_a_limit_within_a_step_is_told_between_its_ends() -> None:
    found = crossing(10.0, np.array([8.0, 4.0]), np.array([8.0, 4.0]), np.array([9.0, 8.5]), 5.0, True)
    assert found.expected == pytest.approx(1.75)
    assert found.latest is None
    assert not math.isnan(found.expected or math.nan)
