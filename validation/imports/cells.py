"""Turn the cells of a column into what JSON has for them. Pure.

Whatever is not what its field wants stays as it is, for validation to refuse with the reason: "12 km/h" is a text, and
no number is made of it. NaN and infinity, which JSON cannot bring, become texts for the same reason.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from typing import Any

import orjson

from validation.exports.columns import Holds
from validation.exports.guarding import unguarded
from validation.moments import MAX_MICROSECONDS, MIN_MICROSECONDS, moment
from validation.spec import MAX_INTEGER, MIN_INTEGER, TimeUnit

NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d+)?", re.ASCII)
INTEGER = re.compile(r"-?\d{1,30}", re.ASCII)
# All cells of a column at once, with commas between: a few times faster than one by one, and one that is none fails.
NUMBERS = re.compile(r"[-+.eE,0-9]*", re.ASCII)
INTEGERS = re.compile(r"[-,0-9]*", re.ASCII)
TRUTH = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
# Of one unit in nanoseconds: whole numbers, so that nothing is rounded before microseconds are.
NANOSECONDS: dict[TimeUnit, int] = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}

Cells = list[Any]


def converted(holds: Holds, cells: Cells, *, typed: bool, unit: TimeUnit) -> Cells:
    """Return a column's cells as values for JSON; None stays None.

    `typed` says that they have types already; texts are those of an export otherwise, guards and all. `unit` is what a
    time that is a number counts.
    """
    if holds == "time":
        return [_time(cell, unit) if cell is not None else None for cell in cells]
    if holds == "json":
        return [_document(cell) if cell is not None else None for cell in cells]
    if typed:
        return [_finite(cell) if isinstance(cell, float) else _fitting(cell) for cell in cells]
    return FROM_TEXT[holds](cells)


def _numbers(cells: Cells) -> Cells:
    if NUMBERS.fullmatch(_joined(cells)):
        try:
            numbers = [None if cell is None else float(cell) for cell in cells]
        except ValueError:
            pass
        else:
            if math.inf not in numbers and -math.inf not in numbers:
                return numbers
    return [_number(cell) for cell in cells]


def _number(cell: str | None) -> float | str | None:
    if cell is None or not NUMBER.fullmatch(cell):
        return cell
    number = float(cell)
    return number if math.isfinite(number) else cell


def _integers(cells: Cells) -> Cells:
    if INTEGERS.fullmatch(_joined(cells)):
        try:
            return [None if cell is None else _fitting(int(cell)) for cell in cells]
        except ValueError:
            pass
    return [_integer(cell) for cell in cells]


def _integer(cell: str | None) -> int | float | str | None:
    if cell is None or not INTEGER.fullmatch(cell):
        return _number(cell)  # 5.0 is an integer, for JSON Schema
    whole = int(cell)
    return whole if MIN_INTEGER <= whole <= MAX_INTEGER else cell


def _booleans(cells: Cells) -> Cells:
    return [None if cell is None else TRUTH.get(cell.lower(), cell) for cell in cells]


def _texts(cells: Cells) -> Cells:
    return [unguarded(cell) if cell is not None and cell.startswith("'") else cell for cell in cells]


def _as_they_are(cells: Cells) -> Cells:
    return cells


FROM_TEXT: dict[Holds, Callable[[Cells], Cells]] = {
    "number": _numbers,
    "integer": _integers,
    "boolean": _booleans,
    "text": _texts,
    "name": _as_they_are,
}


def _joined(cells: Sequence[str | None]) -> str:
    return ",".join([cell for cell in cells if cell is not None] if None in cells else cells)  # type: ignore[arg-type]


def _time(cell: Any, unit: TimeUnit) -> Any:
    """Return a time as ISO 8601, whatever unit it counts; that keeps every microsecond."""
    if isinstance(cell, str):
        if cell[4:5] == "-" or not NUMBER.fullmatch(cell):  # the commonest first: 2026-11-21T…
            return cell
        nanoseconds = int(cell) * NANOSECONDS[unit] if INTEGER.fullmatch(cell) else float(cell) * NANOSECONDS[unit]
    elif isinstance(cell, int | float) and not isinstance(cell, bool):
        nanoseconds = cell * NANOSECONDS[unit]
    else:
        return cell
    if not -(10**24) < nanoseconds < 10**24:
        return str(cell)
    micros = (nanoseconds + 500) // 1000 if isinstance(nanoseconds, int) else round(nanoseconds / 1000)
    if not MIN_MICROSECONDS <= micros <= MAX_MICROSECONDS:
        return str(cell)
    return moment(micros).isoformat().replace("+00:00", "Z")


def _document(cell: Any) -> Any:
    try:
        return orjson.loads(cell)
    except (orjson.JSONDecodeError, TypeError):
        return cell


def _finite(cell: float) -> float | str:
    return cell if math.isfinite(cell) else str(cell)


def _fitting(cell: Any) -> Any:
    """Return a value that JSON can have; a whole number beyond 64 bits is none for orjson."""
    if isinstance(cell, int) and not MIN_INTEGER <= cell <= MAX_INTEGER:
        return str(cell)
    return cell
