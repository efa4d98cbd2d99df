"""Tools that tell what there is: models with fields, devices with tags, newest values, series."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import Any, Literal

from insights.durations import parse_duration
from insights.tools import arguments
from insights.tools.tool import Refused, Result, Row, Tool
from validation import selectors
from validation.history import HistoryQuery, Line, answer
from validation.history.options import options
from validation.presence import expected_interval, status

LONGEST = timedelta(days=3_660)  # of a window; some years more than anything is kept
MOST_TAGS = 100
BUCKET_COLUMNS = ("lowest", "highest", "count")


def length_of(text: str, name: str) -> timedelta:
    """Return a length of time that somebody wrote; raise Refused for what is none."""
    found = parse_duration(text)
    if found is None:
        raise Refused("arguments", f"{name}: {text!r} is no length of time such as 90s, 30m, 3h, 7d.")
    return min(found, LONGEST)


def models(asked: arguments.Nothing, now: datetime) -> Result:
    """List data models with their fields."""
    rows: list[Row] = [
        {
            "model": name,
            "fields": [
                {
                    "field": f"{name}.{field.name}",
                    "label": field.label or field.name,
                    "unit": field.unit,
                    "kind": field.kind,
                    "minimum": field.minimum,
                    "maximum": field.maximum,
                }
                for field in spec.fields
            ],
        }
        for name, spec in selectors.model_specs().items()
    ]
    facts = [{"name": "data models", "value": len(rows), "unit": "1"}]
    return Result(text=f"{len(rows)} data models.", facts=facts, rows=rows[: arguments.MOST_ROWS], in_all=len(rows))


def devices(asked: arguments.Devices, now: datetime) -> Result:
    """List devices with their tags."""
    found = options(asked.contains, asked.model, [asked.tag] if asked.tag else [], asked.limit)
    rows = [{"device": row["name"], "model": row["model"], "tags": row["tags"]} for row in found["devices"]]
    return Result(
        text=f"{len(rows)} devices{', and there are more' if found['more_devices'] else ''}.",
        facts=[] if found["more_devices"] else [{"name": "devices", "value": len(rows), "unit": "1"}],
        rows=rows,
        more={"more_devices": found["more_devices"], "tags": found["tags"][:MOST_TAGS]},
    )


def latest(asked: arguments.Latest, now: datetime) -> Result:
    """Give the newest readings of a device."""
    if not selectors.device_exists(asked.device):
        raise Refused("unknown_device", f"There is no device {asked.device!r}; list_devices lists them.")
    specs = selectors.model_specs()
    units = {name: {field.name: field.unit for field in spec.fields} for name, spec in specs.items()}
    found = selectors.newest(model=asked.model, device=asked.device)
    rows: list[Row] = [
        {
            "device": one.device,
            "model": one.model,
            "time": one.ts,
            "values": one.values,
            "status": status(one.last_seen.timestamp(), expected_interval(one.override, one.learned), time.time()),
        }
        for one in found
    ]
    facts = [
        {"name": f"{one.model}.{name}", "value": value, "unit": units[one.model].get(name, ""), "at": one.ts}
        for one in found
        for name, value in one.values.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    ]
    text = f"The newest reading of {asked.device} by model." if rows else f"{asked.device} has sent nothing yet."
    return Result(text=text, rows=rows, facts=facts)


def series(asked: arguments.Series, now: datetime) -> Result:
    """Give a field over time."""
    bucket: Literal["auto", "raw"] | timedelta
    bucket = asked.bucket if asked.bucket in ("auto", "raw") else length_of(asked.bucket, "bucket")  # type: ignore[assignment]
    query = HistoryQuery(
        fields=(asked.field,), devices=asked.devices or ("*",), start=now - length_of(asked.window, "window"), end=now,
        bucket=bucket, function=asked.function, by=asked.by, points=asked.points, silences=False,
    )  # fmt: skip
    found = answer(query, now)
    return Result(
        text=f"{asked.field} in {len(found.series)} series, {found.resolution}.",
        more={
            "start": found.start,
            "end": found.end,
            "columns": ["seconds since 1970", "value", *([] if found.bucket_s is None else BUCKET_COLUMNS)],
            "series": [_line(line) for line in found.series],
        },
        in_all=found.rows,
        sql=found.sql,
    )


def _line(line: Line) -> dict[str, Any]:
    return {
        "field": f"{line.model}.{line.field.name}",
        "unit": line.field.unit,
        "device": line.device,
        "tag": line.tag,
        "points": line.points,
    }


STORED = (
    Tool("list_models", "List the data models with their fields, labels, units and limits.", arguments.Nothing, models),
    Tool("list_devices", "List devices by part of a name, model or tag, and the tags.", arguments.Devices, devices),
    Tool("latest", "Give the newest values of a device, when they were, and its status.", arguments.Latest, latest),
    Tool(
        "series",
        "Give a field of some or all devices over a window that ends now, as readings or in buckets.",
        arguments.Series,
        series,
    ),
)
