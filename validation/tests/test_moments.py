"""Times as devices write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validation.moments import (
    EPOCH,
    MAX_MICROSECONDS,
    MAX_SECONDS,
    MICROSECOND,
    MIN_MICROSECONDS,
    MIN_SECONDS,
    PER_SECOND,
    microseconds,
    moment,
)
from validation.spec import TIME_UNITS, TimeUnit

ZONES = st.builds(lambda minutes: timezone(timedelta(minutes=minutes)), st.integers(-1439, 1439))


@pytest.mark.parametrize(
    ("value", "micros"),
    [
        (0, 0),
        (-1.5, -1_500_000),
        (1_760_000_000.123456, 1_760_000_000_123_456),
        (4_294_967_295, 4_294_967_295_000_000),
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01 00:00", 0),
        ("1970-01-01T00:00:00", 0),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T19:00:00-0500", 0),
        ("1970-01-01T02:00+02", 0),
        ("1970-01-01T00:00:00.5Z", 500_000),
        ("1970-01-01T00:00:00,25Z", 250_000),
        ("1970-01-01T00:00:00.123456789Z", 123_456),
        ("2024-02-29T23:59:59.999999Z", 1_709_251_199_999_999),
        ("0001-01-01T00:00:00Z", MIN_MICROSECONDS),
        ("9999-12-31T23:59:59.999999Z", MAX_MICROSECONDS),
    ],
)
def test_a_time_becomes_microseconds(value: float | str, micros: int) -> None:
    assert microseconds(value) == micros


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        -1e300,
        1.76e12,
        -6.3e10,
        "",
        "now",
        "1760000000",
        "2025-10-09",
        "2025-W41-4T00:00:00Z",
        "20251009T000000Z",
        "2025-02-29T00:00:00Z",
        "2025-13-01T00:00:00Z",
        "2025-10-09T24:00:01Z",
        "2025-10-09T23:59:60Z",
        "2025-10-09T00:00:00+24:00",
        "2025-10-09T00:00:00Z\n",
        " 2025-10-09T00:00:00Z",
        "２０２５-10-09T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
    ],
)
def test_what_is_no_time_or_cannot_be_shown_is_none(value: float | str) -> None:
    assert microseconds(value) is None


@given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=ZONES))  # noqa: DTZ001  (zones are drawn)
def test_iso_8601_in_any_zone_comes_back_as_the_same_moment(value: datetime) -> None:
    micros = microseconds(value.isoformat())
    # Python writes seconds into an offset when it has any; these have minutes only.
    assert micros is not None
    assert moment(micros) == value
    assert moment(micros).tzinfo is UTC


@given(st.integers(0, 4_000_000_000_000_000))
def test_seconds_as_a_double_keep_the_microsecond(micros: int) -> None:
    assert microseconds(micros / 1e6) == micros


@given(st.integers(0, 4_000_000_000_000_000), st.sampled_from(TIME_UNITS))
def test_a_whole_number_of_any_unit_is_that_many(micros: int, unit: TimeUnit) -> None:
    count = round(PER_SECOND[unit])
    whole = micros * count // 1_000_000
    expected = whole * 1_000_000 // count
    # As a double, nanoseconds are exact to some 500 of them.
    assert abs((microseconds(float(whole), unit) or 0) - expected) <= (1 if unit == "ns" else 0)


@pytest.mark.parametrize("unit", TIME_UNITS)
def test_in_any_unit_only_what_can_be_shown_is_a_time(unit: TimeUnit) -> None:
    for limit in (MIN_SECONDS, MAX_SECONDS):
        assert microseconds(limit * PER_SECOND[unit], unit) == limit * 1_000_000
        assert microseconds((limit + (1 if limit > 0 else -1)) * PER_SECOND[unit], unit) is None
    assert microseconds("1970-01-01T00:00:01Z", unit) == 1_000_000


@given(st.floats() | st.integers(-(2**70), 2**70) | st.text())
def test_nothing_raises_and_every_result_can_be_shown(value: float | str) -> None:
    micros = microseconds(value)
    assert micros is None or (moment(micros) - EPOCH) // MICROSECOND == micros
