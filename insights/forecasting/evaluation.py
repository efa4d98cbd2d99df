"""Measure forecasts on recorded series: how often what came lay in the interval that was promised. No network."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insights.forecasting.forecast import NOMINAL, TooLittleData, forecast
from insights.forecasting.grid import STEPS, regular, seasons_of

Floats = NDArray[np.float64]
STEPS_AHEAD = 24
ORIGINS = 24  # moments of a series at which a forecast is made, over its later two thirds


class BadSeries(Exception):
    """A file is no recorded series; the message says which, and why."""


def evaluate(folder: Path, tell: Callable[[str], Any]) -> dict[str, Any]:
    """Forecast every CSV under a folder (columns timestamp, value) again and again; return how often intervals held.

    Each forecast sees only what came before it. `tell` hears which series is done. Raises BadSeries and OSError.
    """
    files = sorted(folder.rglob("*.csv"))
    if not files:
        raise BadSeries(f"There is no CSV under {folder}.")
    rows = []
    for path in files:
        row = _of_series(*read(path))
        rows.append({"series": str(path.relative_to(folder)), **row})
        tell(f"{rows[-1]['series']}: {row['coverage']}")
    told = [row for row in rows if row["points"]]
    points = sum(row["points"] for row in told)
    held = sum(row["held"] for row in told)
    return {
        "nominal": NOMINAL,
        "coverage": round(held / points, 4) if points else None,
        "mean_of_series": round(float(np.mean([row["coverage"] for row in told])), 4) if told else None,
        "mean_reported": round(float(np.mean([row["reported"] for row in told if row["reported"]])), 4)
        if told
        else None,
        "points": points,
        "steps_ahead": STEPS_AHEAD,
        "series": rows,
    }


def read(path: Path) -> tuple[Floats, Floats]:
    """Return times in seconds and values of a file, in order of time. Raises BadSeries."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [(_seconds(row["timestamp"]), float(row["value"])) for row in csv.DictReader(file)]
    except (KeyError, ValueError, TypeError) as error:
        raise BadSeries(f"{path} has no columns timestamp and value that can be read: {error}.") from error
    if len(rows) < 2:
        raise BadSeries(f"{path} has fewer than two readings.")
    found = np.array(sorted(rows), dtype=np.float64)
    return found[:, 0], found[:, 1]


def _seconds(text: str) -> float:
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()


def _of_series(times: Floats, values: Floats) -> dict[str, Any]:
    usual = float(np.median(np.diff(times)))
    step = next((step for step in STEPS if step >= usual), STEPS[-1])
    series = regular(times, values, step, float(times[-1]) + step)
    held = points = 0
    reported: list[float] = []
    ways: dict[str, int] = {}
    for origin in np.linspace(len(series) / 3, len(series) - STEPS_AHEAD, ORIGINS).astype(int):
        try:
            found = forecast(series[:origin], STEPS_AHEAD, seasons_of(step))
        except TooLittleData:
            continue
        came = series[origin : origin + STEPS_AHEAD]
        there = ~np.isnan(came)
        slack = 1e-9 * max(1.0, float(np.abs(came[there]).max(initial=0.0)))
        held += int(((came >= found.low - slack) & (came <= found.high + slack) & there).sum())
        points += int(there.sum())
        reported += [found.coverage] if found.coverage is not None else []
        ways[found.way] = ways.get(found.way, 0) + 1
    return {
        "step_s": step,
        "points": points,
        "held": held,
        "coverage": round(held / points, 4) if points else None,
        "reported": round(float(np.mean(reported)), 4) if reported else None,
        "ways": dict(sorted(ways.items(), key=lambda item: -item[1])[:3]),
    }
