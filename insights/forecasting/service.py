"""Forecast a field of a device from its stored history."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from insights.facts.times import length_words
from insights.forecasting.forecast import MOST_STEPS, MOST_VALUES, Forecast, TooLittleData, forecast
from insights.forecasting.grid import STEPS, regular, seasons_of
from insights.forecasting.limits import Crossing, crossing
from validation.history import Answer, HistoryQuery, Unanswerable, answer
from validation.rollups.layout import NUMERIC
from validation.spec import FieldSpec

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=60)


@dataclass(frozen=True, slots=True)
class Outlook:
    """What comes of a field of a device.

    Steps are `step` long; the first one begins at `start`, and what is expected of one is the mean of that time.
    `sentence` says when the limit is reached, empty without one.
    """

    device: str
    model: str
    field: FieldSpec
    start: datetime
    step: timedelta
    newest: float
    values: int
    found: Forecast
    crossing: Crossing | None
    sentence: str
    history: Answer


def outlook(
    *, field: str, device: str, horizon: timedelta, now: datetime, limit: float | None = None, below: bool | None = None
) -> Outlook:
    """Forecast a field (`model.field`) of a device for some time from now.

    Blocks for the database, once. Raises history.Unanswerable, also when there is too little history, and
    selectors.TooSlow.
    """
    if not SHORTEST <= horizon <= LONGEST:
        sentence = f"A forecast is for {length_words(SHORTEST)} to {length_words(LONGEST)}."
        raise Unanswerable("horizon", sentence, "horizon")
    size = next((size for size in STEPS if horizon.total_seconds() / size <= MOST_STEPS), STEPS[-1])
    step = timedelta(seconds=size)
    end = datetime.fromtimestamp(now.timestamp() // size * size, UTC)
    query = HistoryQuery(
        fields=(field,), devices=(device,), start=end - MOST_VALUES * step, end=end - timedelta(microseconds=1),
        bucket=step, points=MOST_VALUES + 10, silences=False,
    )  # fmt: skip
    history = answer(query, now)
    lines = history.series
    if lines and lines[0].field.kind not in NUMERIC:
        raise Unanswerable("field", f"{field} is no number, so nothing can be said of its future.", "no_number")
    series = _series(history, size, end)
    steps = math.ceil(horizon.total_seconds() / size)
    try:
        about = lines[0].field if lines else None
        found = forecast(
            series, steps, seasons_of(size), about.minimum if about else None, about.maximum if about else None
        )
    except TooLittleData as error:
        sentence = f"There is not enough history of {field} of {device}: {error}"
        raise Unanswerable("horizon", f"{sentence} Ask for less time, or wait.", "too_little_data") from error
    newest = float(series[~np.isnan(series)][-1])
    reached = None
    if limit is not None:
        reached = crossing(newest, found.expected, found.low, found.high, limit, below)
    return Outlook(
        device=device,
        model=lines[0].model,
        field=lines[0].field,
        start=end,
        step=step,
        newest=newest,
        values=int((~np.isnan(series)).sum()),
        found=found,
        crossing=reached,
        sentence=_sentence(reached, step, horizon) if reached else "",
        history=history,
    )


def _series(history: Answer, size: int, end: datetime) -> NDArray[np.float64]:
    points = [point for line in history.series for point in line.points if point[1] is not None]
    if not points:
        return np.empty(0)
    times = np.array([point[0] for point in points], dtype=np.float64)
    values = np.array([point[1] for point in points], dtype=np.float64)
    return regular(times, values, size, end.timestamp())


def _sentence(found: Crossing, step: timedelta, horizon: timedelta) -> str:
    side = "below" if found.is_below else "above"
    if found.is_there:
        return f"It is {side} {found.limit:g} already."
    if found.earliest is None:
        return f"Not within {length_words(horizon)}: it stays {'above' if found.is_below else 'below'} {found.limit:g}."
    earliest = _about(found.earliest * step)
    latest = (
        f"in {_about(found.latest * step)} at the latest" if found.latest is not None else "or not at all in that time"
    )
    if found.expected is None:
        return f"Probably not within {length_words(horizon)}; {side} {found.limit:g} in {earliest} at the earliest."
    middle = _about(found.expected * step)
    return f"{side.capitalize()} {found.limit:g} in about {middle}: in {earliest} at the earliest, {latest}."


def _about(length: timedelta) -> str:
    """Return a length of time as roughly as it is known: to the half below ten of a unit."""
    seconds = length.total_seconds()
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= 2 * size or word == "minute":
            parts = 2 if size > 60 and seconds < 10 * size else 1
            number = max(1, round(parts * seconds / size) / parts)
            return f"{number:g} {word}{'' if number == 1 else 's'}"
    raise AssertionError("minutes fit everything")
