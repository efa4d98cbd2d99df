"""Answering questions about history, the parts that need no database: thinning, silences, edges, and what to read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from validation.history.edges import DAY, HOUR, MINUTE, SECOND, edges, micros_of
from validation.history.planning import ALL_KEPT, ALWAYS, Amount, Plan, plan
from validation.history.question import Source, Unanswerable
from validation.history.thinning import EXTREMES, in_words, kept, kept_around, silences_between


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300), st.integers(1, 50))
def test_thinning_keeps_the_ends_and_the_extremes_in_order(values: list[float], at_most: int) -> None:
    places = kept(np.array(values), at_most)
    most = min(len(values), at_most)
    assert most - EXTREMES <= len(places) <= most
    assert places.tolist() == sorted(set(places.tolist()))
    assert places[-1] == len(values) - 1
    assert (in_words(len(values), len(places)) == "raw") == (len(values) <= len(places))
    if at_most >= 10:
        less = [values[place] for place in places]
        assert (max(less), min(less)) == (max(values), min(values))


@given(st.data())
def test_thinning_never_draws_over_a_silence_and_never_gives_more_points_than_asked_for(data: st.DataObject) -> None:
    count, at_most = data.draw(st.integers(2, 300)), data.draw(st.integers(10, 60))
    silences = np.array(sorted(data.draw(st.sets(st.integers(0, count - 2), max_size=80))), dtype=np.intp)
    places = kept_around(np.arange(count) % 7 + 0.5, silences, at_most)
    after = silences_between(places, silences)
    assert len(places) + len(after) <= at_most
    for first, second in zip(range(len(places)), range(1, len(places)), strict=False):
        is_silent = any(places[first] <= silence < places[second] for silence in silences.tolist())
        assert is_silent == (first in after.tolist())


def amount(days: float, devices: int = 1, interval_s: float = 1, kept: Mapping[Source, int] = ALL_KEPT) -> Amount:
    span = int(days * DAY)
    rate = devices / interval_s / SECOND
    return Amount(20_000 * DAY - span, 20_000 * DAY, span, devices, rate, interval_s * SECOND, kept=kept)


@pytest.mark.parametrize(
    ("days", "devices", "interval_s", "points", "expected"),
    [
        (1 / 24, 1, 1, 1000, Plan("raw")),
        (1 / 24, 10, 1, 1000, Plan("raw")),
        (1, 1, 10, 1000, Plan("raw")),
        (1, 1, 1, 1000, Plan("1m", 2 * MINUTE)),
        (30, 100, 1, 1000, Plan("1h", HOUR)),
        (365, 1, 1, 1000, Plan("1h", 12 * HOUR)),
        (3_650, 1, 1, 1000, Plan("1d", 7 * DAY)),
        (36_600, 1, 1, 10, Plan("1d", 3_640 * DAY)),
    ],
)
def test_a_chart_is_made_of_readings_while_there_are_few_and_then_of_the_coarsest_rollup_that_fits(
    days: float, devices: int, interval_s: float, points: int, expected: Plan
) -> None:
    assert plan("auto", amount(days, devices, interval_s), points, is_grouped=False) == expected


@pytest.mark.parametrize(
    ("step_s", "expected"),
    [(10, "raw"), (60, "1m"), (90, "raw"), (300, "1m"), (3_600, "1h"), (5_400, "1m"), (86_400, "1d")],
)
def test_buckets_are_made_of_the_coarsest_level_that_they_are_whole_ones_of(step_s: int, expected: Source) -> None:
    assert plan(timedelta(seconds=step_s), amount(1), 1000, is_grouped=False) == Plan(expected, step_s * SECOND)


def test_days_of_a_zone_are_made_of_its_hours_or_minutes() -> None:
    for zone, expected in (("UTC", "1d"), ("Europe/Berlin", "1h"), ("Asia/Kolkata", "1m")):
        asked = replace(amount(3), zone=zone)
        assert plan(timedelta(days=1), asked, 1000, is_grouped=False).source == expected


def test_what_retention_has_removed_is_not_what_a_chart_is_made_of() -> None:
    ago = {days: 20_000 * DAY - days * DAY for days in (7, 30)}
    kept: dict[Source, int] = {"raw": ago[7], "1m": ago[30], "1h": ALWAYS, "1d": ALWAYS}
    few = partial(plan, points=1000, is_grouped=False)
    assert few("auto", amount(6, interval_s=600, kept=kept)) == Plan("raw")
    assert few("auto", amount(20, interval_s=600, kept=kept)) == Plan("1m", 30 * MINUTE)
    assert few("auto", amount(40, interval_s=600, kept=kept)) == Plan("1h", HOUR)
    assert few(timedelta(minutes=5), amount(40, kept=kept)).source == "1m"  # as far back as five minutes go
    minutes_gone: dict[Source, int] = {"raw": ALWAYS, "1m": ago[7], "1h": ALWAYS, "1d": ALWAYS}
    assert few(timedelta(minutes=5), amount(20, kept=minutes_gone)).source == "raw"
    assert few(timedelta(hours=1), amount(20, kept={"raw": ALWAYS})).source == "raw"


def test_buckets_that_are_too_many_or_too_short_are_refused() -> None:
    for step, days, devices in ((timedelta(milliseconds=500), 1, 1), (MINUTE_LONG, 90, 1), (MINUTE_LONG, 60, 100)):
        with pytest.raises(Unanswerable):
            plan(step, amount(days, devices), 1000, is_grouped=False)


MINUTE_LONG = timedelta(minutes=1)
BERLIN = ZoneInfo("Europe/Berlin")


def hours_between(marks: NDArray[np.int64]) -> list[float]:
    return [float(length) for length in np.diff(marks) / HOUR]


def test_a_day_in_which_clocks_change_has_its_own_length() -> None:
    start, end = (micros_of(datetime(2025, 10, day, 12, tzinfo=BERLIN)) for day in (25, 27))
    assert hours_between(edges(start, end, DAY, "Europe/Berlin")) == [24, 25, 24]
    assert hours_between(edges(start, end, 6 * HOUR, "Europe/Berlin")) == [6, 6, 7, 6, 6, 6, 6, 6]
    start, end = (micros_of(datetime(2025, 3, day, 12, tzinfo=BERLIN)) for day in (29, 31))
    assert hours_between(edges(start, end, DAY, "Europe/Berlin")) == [24, 23, 24]


@given(
    st.integers(-(2**50), 2**51),
    st.integers(0, 40 * DAY),
    st.sampled_from([60, 90, 3_600, 5_400, 7_200, 21_600, 86_400, 604_800]),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kolkata", "America/St_Johns"]),
)
def test_buckets_enclose_their_span_and_none_is_outside_of_it(start: int, length: int, step: int, zone: str) -> None:
    marks = edges(start, start + length, step * SECOND, zone)
    assert (np.diff(marks) > 0).all()
    assert marks[0] <= start < marks[1]
    assert marks[-2] < max(start + length, start + 1) <= marks[-1]
