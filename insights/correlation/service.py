"""Correlate two fields of stored devices, of the same or of different models, on aligned buckets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from insights.correlation.lagged import Correlation, TooFewPairs, correlate, without_rhythm
from insights.facts.times import length_words
from insights.forecasting.grid import DAY_S, STEPS, regular
from validation.history import Answer, HistoryQuery, Unanswerable, answer
from validation.history.question import ALL_DEVICES
from validation.rollups.layout import NUMERIC
from validation.spec import FieldSpec

MOST_BUCKETS = 1_000  # between start and end
MOST_LAGS = 100  # steps either way
FEWEST_DAYS = 3  # to tell the rhythm of a day from what else happens
LONGEST = timedelta(days=3_660)
CAUTION = (
    "That two series go together does not say that one causes the other: both may follow a third thing, such as the "
    "time of day, and of many pairs that are tried some go together by chance."
)


@dataclass(frozen=True, slots=True)
class Side:
    """One of two series: the field, and whose."""

    model: str
    field: FieldSpec
    device: str | None


@dataclass(frozen=True, slots=True)
class Together:
    """How two series go together, in buckets of `step`; `without_day` is the same without the rhythm of a day."""

    first: Side
    second: Side
    start: datetime
    end: datetime
    step: timedelta
    found: Correlation
    without_day: Correlation | None
    sentence: str
    caution: str
    sql: str


def correlation(
    *,
    first: str,
    second: str,
    first_device: str | None,
    second_device: str | None,
    length: timedelta,
    max_lag: timedelta | None,
    differenced: bool | None,
    now: datetime,
) -> Together:
    """Correlate two fields (`model.field`) over a window that ends now; without a device all of its model's together.

    Blocks for the database, twice. Raises history.Unanswerable, also when there are too few moments in common, and
    selectors.TooSlow.
    """
    length = min(length, LONGEST)
    size = next((size for size in STEPS if length.total_seconds() / size <= MOST_BUCKETS), STEPS[-1])
    step = timedelta(seconds=size)
    end = datetime.fromtimestamp(now.timestamp() // size * size, UTC)
    start = end - max(1, length // step) * step
    one = _read("a", first, first_device, start, end, step, now)
    other = _read("b", second, second_device, start, end, step, now)
    lags = MOST_LAGS if max_lag is None else round(max_lag / step)
    lags = min(lags, MOST_LAGS, max(1, length // step // 3))
    a, b = (_series(part, start, end, size) for part in (one, other))
    try:
        found = correlate(a, b, lags, differenced)
    except TooFewPairs as error:
        raise Unanswerable("duration", f"Not enough data: {error}", "too_little_data") from error
    sides = [_side(part, device) for part, device in ((one, first_device), (other, second_device))]
    without_day = _without_day(a, b, lags, size, found)
    return Together(
        sides[0], sides[1], start, end, step, found, without_day, _sentence(sides[0], sides[1], found, step),
        CAUTION, f"{one.sql}\n\n{other.sql}",
    )  # fmt: skip


def _read(
    side: str, field: str, device: str | None, start: datetime, end: datetime, step: timedelta, now: datetime
) -> Answer:
    query = HistoryQuery(
        fields=(field,), devices=(device or ALL_DEVICES,), by="device" if device else "all", start=start,
        end=end - timedelta(microseconds=1), bucket=step, points=MOST_BUCKETS + 10, silences=False,
    )  # fmt: skip
    try:
        found = answer(query, now)
    except Unanswerable as error:
        attr = {"field": side, "device": f"device_{side}"}.get(error.attr, error.attr)
        raise Unanswerable(attr, str(error), error.code) from error
    if not found.series:
        raise Unanswerable(side, f"Nothing of {field} is stored in that time.", "too_little_data")
    if found.series[0].field.kind not in NUMERIC:
        raise Unanswerable(side, f"{field} is no number.", "no_number")
    return found


def _side(found: Answer, device: str | None) -> Side:
    line = found.series[0]
    return Side(line.model, line.field, device)


def _series(found: Answer, start: datetime, end: datetime, size: int) -> NDArray[np.float64]:
    points = [point for point in found.series[0].points if point[1] is not None]
    whole = np.full(int((end - start).total_seconds()) // size, np.nan)
    times = np.array([point[0] for point in points], dtype=np.float64)
    if not len(times):
        return whole
    values = np.array([point[1] for point in points], dtype=np.float64)
    part = regular(times, values, size, end.timestamp())[-len(whole) :]
    whole[len(whole) - len(part) :] = part
    return whole


def _without_day(
    first: NDArray[np.float64], second: NDArray[np.float64], lags: int, size: int, found: Correlation
) -> Correlation | None:
    season = DAY_S // size
    if season < 2 or len(first) < FEWEST_DAYS * season:
        return None
    try:
        return correlate(without_rhythm(first, season), without_rhythm(second, season), lags, found.is_differenced)
    except TooFewPairs:
        return None


def _sentence(first: Side, second: Side, found: Correlation, step: timedelta) -> str:
    names = [side.field.label or side.field.name for side in (first, second)]
    of = " from one bucket to the next" if found.is_differenced else ""
    if not found.is_more_than_chance:
        return (
            f"No connection of {names[0]} and {names[1]} shows: the largest correlation{of} is {found.r:.2f}, and "
            f"up to {found.by_chance:.2f} comes by chance with {found.worth:.0f} independent pairs."
        )
    how = "rise and fall together" if found.r > 0 else "go against each other"
    when = "at the same time"
    if found.lag:
        ahead, behind = names if found.lag > 0 else reversed(names)
        when = f"{ahead} {length_words(abs(found.lag) * step)} ahead of {behind}"
    return (
        f"{names[0]} and {names[1]} {how}{of}, {when}: correlation {found.r:.2f} ({found.low:.2f} to "
        f"{found.high:.2f}), {found.pairs:,} pairs, worth {found.worth:.0f} independent ones."
    )
