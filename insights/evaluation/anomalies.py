"""Detections of recorded series, in the form that a scorer of the Numenta benchmark's kind reads."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from time import process_time
from typing import Any

from insights.detection.detector import Detector
from insights.detection.events import events
from insights.detection.verdict import Verdict

COLUMNS = ("timestamp", "value")


class BadSeries(ValueError):
    """A file that is no series; says which line of which file, and why."""


@dataclass(slots=True)
class Judged:
    """What a detector made of one file."""

    rows: list[tuple[str, float]]  # timestamp as it was written, anomaly score 0..1
    found: list[Verdict]
    interval: float  # seconds between readings
    state_bytes: int
    seconds: float  # processor time of the detector alone


def evaluate(data: Path, out: Path, say: Callable[[str], None]) -> dict[str, Any]:
    """Judge every CSV under `data` and write the scores to the same place under `out`; return what it took.

    Every file gets a new detector of the same setting, which sees its rows one after the other. Raises BadSeries and
    OSError.
    """
    files, seconds, readings, state = [], 0.0, 0, 0
    for path in sorted(data.rglob("*.csv")):
        name = path.relative_to(data)
        judged = judge(path)
        write(out / name, judged.rows)
        files.append(
            {"file": str(name), "readings": len(judged.rows), "events": len(events(judged.found, judged.interval))}
        )
        say(f"{name}: {len(judged.rows)} readings, {files[-1]['events']} events")
        seconds, readings = seconds + judged.seconds, readings + len(judged.rows)
        state = max(state, judged.state_bytes)
    if not files:
        raise BadSeries(f"There is no CSV under {data}.")
    return {
        "files": files, "readings": readings, "seconds": round(seconds, 3),
        "us_per_reading": round(seconds / max(1, readings) * 1e6, 2), "state_bytes": state,
    }  # fmt: skip


def judge(path: Path) -> Judged:
    """Return what a detector makes of a file, reading after reading; raise BadSeries, OSError."""
    series = list(read(path))
    detector, scores, found = Detector(), [], []
    began = process_time()
    for _, at, value in series:
        verdict = detector.step(at, value)
        scores.append(detector.news)
        if verdict is not None:
            found.append(verdict)
    seconds = process_time() - began
    rows = [(written, score) for (written, _, _), score in zip(series, scores, strict=True)]
    return Judged(rows, found, detector.interval, len(detector.dumps()), seconds)


def read(path: Path) -> Iterator[tuple[str, float, float]]:
    """Yield timestamp as written, time in seconds since 1970 and value; raise BadSeries, OSError."""
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        if not set(COLUMNS) <= set(rows.fieldnames or ()):
            raise BadSeries(f"{path} has no columns {' and '.join(COLUMNS)}.")
        for row in rows:
            try:
                yield row["timestamp"], seconds_since_1970(row["timestamp"]), float(row["value"])
            except (TypeError, ValueError) as error:
                raise BadSeries(f"{path}, line {rows.line_num}: {error}") from error


def seconds_since_1970(text: str) -> float:
    """Read ISO 8601, in UTC unless a zone is given, or seconds since 1970; raise ValueError."""
    try:
        return float(text)
    except ValueError:
        moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def write(path: Path, rows: list[tuple[str, float]]) -> None:
    """Write the scores of a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        made = csv.writer(file)
        made.writerow(("timestamp", "anomaly_score"))
        made.writerows((written, f"{score:.6f}") for written, score in rows)
