"""Whatever comes, the detector's state stays small, and the same readings give the same verdicts."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insights.detection.detector import Detector
from insights.tests.series import START, days, fed, noise

SIZE = len(Detector().dumps())
VALUES = st.one_of(st.sampled_from([0.0, 1.0, -1.0, 1e308, -1e308, 5e-324]), st.floats(-1e6, 1e6), st.floats())
TIMES = st.one_of(st.floats(0.0, 4000.0), st.sampled_from([0.0, -86400.0, 30 * 86400.0, -1e9, 1e9]))
READINGS = st.lists(st.tuples(TIMES, VALUES), max_size=60)


def stepped(detector: Detector, readings: list[tuple[float, float]], start: float) -> tuple[list[object], float]:
    """Return verdicts and news of readings that come after one another, and the time of the last."""
    said: list[object] = []
    for pause, value in readings:
        start += pause
        said.append((detector.step(start, value), detector.news))
    return said, start


def grown() -> Detector:
    detector = Detector()
    fed(detector, days(4))
    return detector


GROWN = grown().dumps()


def test_a_state_is_a_few_kilobytes() -> None:
    assert len(GROWN) == SIZE <= 10_000


@settings(max_examples=60, deadline=None)
@given(before=READINGS, after=READINGS, old=st.booleans())
def test_a_detector_that_was_stored_goes_on_as_if_it_had_not_been(
    before: list[tuple[float, float]], after: list[tuple[float, float]], old: bool
) -> None:
    detector = Detector.loads(GROWN) if old else Detector()
    _, at = stepped(detector, before, START + 5 * 86400.0)
    state = detector.dumps()
    assert len(state) == SIZE
    again = Detector.loads(state)
    # As text, for a verdict on a reading may hold what is not equal to itself.
    assert repr(stepped(detector, after, at)) == repr(stepped(again, after, at))
    assert detector.dumps() == again.dumps()


@settings(max_examples=60, deadline=None)
@given(readings=READINGS)
def test_scores_are_between_nought_and_one_and_bands_are_numbers(readings: list[tuple[float, float]]) -> None:
    detector, at = Detector.loads(GROWN), START + 5 * 86400.0
    for pause, value in readings:
        at += pause
        verdict = detector.step(at, value)
        assert 0.0 <= detector.score <= 1.0
        assert verdict is None or (verdict.score >= 0.5 and math.isfinite(verdict.low) and verdict.low <= verdict.high)


def test_the_same_series_twice_gives_the_same_verdicts() -> None:
    values = [*noise(900), *noise(100, spread=9.0)]
    assert fed(Detector(), values) == fed(Detector(), values)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_neither_judged_nor_learned(value: float) -> None:
    detector = Detector.loads(GROWN)
    assert detector.step(START + 5 * 86400.0, value) is None
    assert detector.step(math.nan, 1.0) is None
    assert detector.dumps() == GROWN


def test_one_reading_says_nothing() -> None:
    detector = Detector()
    assert detector.step(START, 7.0) is None
    assert detector.band(START) == (7.0, 7.0, False)
    assert detector.learning_until is not None


def test_many_readings_of_extremes_leave_the_state_as_small() -> None:
    detector = Detector()
    for place in range(5000):
        # Every reading a new number, a new hour and a new order of magnitude; now and then the clock falls back.
        at = START + place * 4000.0 - (place % 97 == 0) * 1e7
        detector.step(at, (-1.0) ** place * 10.0 ** (place % 300))
    assert len(detector.dumps()) == SIZE
    assert all(len(view.values) <= view.limit for view in detector.views)


def test_a_device_that_sends_less_often_than_it_did_is_followed() -> None:
    detector = Detector()
    fed(detector, noise(200), every=1.0)
    fed(detector, noise(100), every=300.0, start=START + 200.0)
    assert detector.interval == pytest.approx(300.0, rel=0.1)
    assert detector.learning_until is None


def test_years_are_forgotten_by_halves_and_a_value_of_long_ago_is_new_again() -> None:
    detector = Detector()
    fed(detector, [*noise(2000), 60.0, *noise(500)])
    state = detector.dumps()
    later = Detector.loads(state)
    fed(later, noise(46_000, seed=2), start=START + 2501 * 300.0)
    assert 60.0 in detector.views[0].values
    assert 60.0 not in later.views[0].values


def test_days_of_silence_are_no_spike_when_the_level_is_one_that_was_seen() -> None:
    detector = Detector()
    fed(detector, days(6))
    assert fed(detector, noise(50, 20.0), start=START + 20 * 86400.0) == []


@pytest.mark.parametrize("state", [b"", b"\x00" * SIZE, b"\x01" + b"\x00" * (SIZE - 2), b"rubbish"])
def test_what_is_no_state_is_refused(state: bytes) -> None:
    with pytest.raises(ValueError, match="version"):
        Detector.loads(state)
