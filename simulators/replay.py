"""A recorded series, played back as a device."""

from __future__ import annotations

import csv
import math
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from simulators.profiles import Kind
from simulators.source import Batch

AT_ONCE = 500  # rows put into the outbox in one transaction; the event loop is held up for some milliseconds
LOOK_AGAIN_S = 0.05  # how soon to look whether a full outbox has room again


class SeriesError(ValueError):
    """The file is not a series; the message names it and the line."""


class Point(NamedTuple):
    """One recorded value. `at` in epoch seconds."""

    at: float
    value: float


def read_series(path: Path) -> list[Point]:
    """Read a CSV file with the columns `timestamp` and `value`; others are ignored. Raises SeriesError.

    A timestamp is ISO 8601 (`2015-09-08 11:39:00`, UTC unless it names a zone) or a number of epoch seconds.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = {"timestamp", "value"} - set(reader.fieldnames or ())
            if missing:
                raise SeriesError(f"{path}, line 1: no column {' and no column '.join(sorted(missing))}")
            points = [read_point(row, f"{path}, line {reader.line_num}") for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SeriesError(f"{path}: {error}") from error
    if not points:
        raise SeriesError(f"{path}: no rows")
    return points


def read_point(row: dict[str, str | None], where: str) -> Point:
    """Read one row; `where` begins the message of a SeriesError."""
    try:
        return Point(read_time(row["timestamp"] or ""), read_value(row["value"] or ""))
    except (ValueError, OverflowError, OSError) as error:
        raise SeriesError(f"{where}: {error}") from error


def read_time(text: str) -> float:
    """Return epoch seconds. Raises ValueError."""
    try:
        moment = datetime.fromtimestamp(float(text), UTC)
    except ValueError:
        moment = datetime.fromisoformat(text.strip())
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def read_value(text: str) -> float:
    """Return a finite number. Raises ValueError."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text.strip()!r} is no finite number")
    return value


class ReplaySource:
    """Plays a series once. A row's sequence number is its place in the file, so a second replay adds nothing new."""

    def __init__(
        self, points: list[Point], kind: Kind, device: str, field: str, *,
        speedup: float | None = None, shift: float = 0.0, until: float | None = None,
    ) -> None:  # fmt: skip
        """`speedup` 1 keeps the recorded intervals, None plays as fast as the outbox empties.

        `shift` seconds are added to every time. Nothing is played after `until` seconds.
        """
        self._points = points
        self._kind = kind
        self._device = device
        self._field = field
        self._speedup = speedup
        self._shift = shift
        self._until = math.inf if until is None else until
        self._done = 0
        self._next = 0.0

    def next_at(self) -> float | None:
        """Return when the next row is due, or when to look for room; None at the end."""
        if self._done == len(self._points) or self._next >= self._until:
            return None
        return self._next

    def take(self, elapsed: float, now: float, room: int) -> Batch:
        """Return the rows that are due, no more than there is room for: nothing of a recording is dropped."""
        first = self._done
        most = min(len(self._points), first + min(room, AT_ONCE))
        while self._done < most and self._due(self._done) <= elapsed:
            self._done += 1
        self._next = self._when_next(elapsed)
        return Batch([self._payload(index) for index in range(first, self._done)])

    def _due(self, index: int) -> float:
        if self._speedup is None:
            return 0.0
        return (self._points[index].at - self._points[0].at) / self._speedup

    def _when_next(self, elapsed: float) -> float:
        if self._done == len(self._points):
            return elapsed
        return max(self._due(self._done), elapsed + LOOK_AGAIN_S)

    def _payload(self, index: int) -> bytes:
        point = self._points[index]
        return self._kind.payload(self._device, point.at + self._shift, index + 1, {self._field: point.value})
