"""Rollups computed from scratch in plain Python, and those that the tables hold, in one shape."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from django.db import connection

Values = dict[str, Any]
Key = tuple[int, datetime]  # a bucket: the device and when it begins
Bucket = dict[str, Any]  # its columns


def stored_readings() -> list[Values]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT device_id, ts, number, integer, boolean, text, choice, moment, place FROM telemetry.van "
            "ORDER BY device_id, ts, seq"
        )
        return [dict(zip([column[0] for column in cursor.description], row, strict=True)) for row in cursor.fetchall()]


def scratch(rows: list[Values], seconds: int) -> dict[Key, Bucket]:
    """Return the buckets of some readings, in plain Python."""
    groups: dict[Key, list[Values]] = {}
    for row in rows:
        start = datetime.fromtimestamp(row["ts"].timestamp() // seconds * seconds, UTC)
        groups.setdefault((row["device_id"], start), []).append(row)
    return {key: bucket_of(group) for key, group in groups.items()}


def bucket_of(rows: list[Values]) -> Bucket:
    found: Bucket = {"readings": len(rows)}
    for name in ("number", "integer"):
        there = [float(row[name]) for row in rows if row[name] is not None]
        found[f"{name}.count"] = len(there)
        parts = (added(there), min(there), max(there), there[0], there[-1]) if there else (None,) * 5
        found |= dict(zip([f"{name}.{part}" for part in ("sum", "min", "max", "first", "last")], parts, strict=True))
    for name in ("boolean", "text", "choice"):
        said = [str(row[name])[:100] for row in rows if row[name] is not None]
        told = [value.lower() if name == "boolean" else value for value in said]
        found[f"{name}.values"] = {value: told.count(value) for value in told} or None
    for name in ("moment", "place"):
        found[f"{name}.count"] = sum(row[name] is not None for row in rows)
    return found


def added(numbers: list[float]) -> float:
    """Add in order, one after the other: Python's own sum is more exact than that."""
    total = numbers[0]
    for number in numbers[1:]:
        total += number
    return total


def folded(finer: dict[Key, Bucket], seconds: int) -> dict[Key, Bucket]:
    groups: dict[Key, list[Bucket]] = {}
    for (device, start), found in sorted(finer.items()):
        coarse = datetime.fromtimestamp(start.timestamp() // seconds * seconds, UTC)
        groups.setdefault((device, coarse), []).append(found)
    return {
        key: {name: merged(name, [part[name] for part in group]) for name in group[0]} for key, group in groups.items()
    }


def merged(name: str, parts: list[Any]) -> Any:
    there = [part for part in parts if part is not None]
    how = name.rpartition(".")[2]
    if not there:
        return None
    if how == "values":
        keys = {key for part in there for key in part}
        return {key: sum(part.get(key, 0) for part in there) for key in keys}
    if how in ("first", "last"):
        return there[0 if how == "first" else -1]
    return {"min": min, "max": max}[how](there) if how in ("min", "max") else added(there)


def rolled_up(level: str) -> dict[Key, Bucket]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT * FROM rollup.van_{level}")
        names = [column[0] for column in cursor.description]
        rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    for row in rows:
        for name in row:
            if name.endswith(".values") and isinstance(row[name], str):
                row[name] = json.loads(row[name])
    return {(row.pop("device_id"), row.pop("bucket")): row for row in rows}
