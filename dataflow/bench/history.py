"""How fast is history when the tables are large? In a database of its own on the same server, removed at the end.

A table is filled (`dataflow.bench.filling`), rolled up by the task's own code, and asked what a page asks: from the
question to the bytes of the answer, without HTTP. Then rows go through the worker's own insert into that table and into
an empty one, in turns.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from statistics import median
from typing import Any

import orjson
from django.db import transaction

from dashboard.api.base import Json
from dashboard.api.devices import status_rows
from dashboard.api.v1.series import told
from dataflow.bench.figures import spread_ms
from dataflow.bench.filling import (
    DEVICES,
    EMPTY,
    FAST,
    KNOWN,
    NAME,
    Filled,
    bytes_a_reading,
    fill,
    publish_models,
    roll_up,
)
from dataflow.bench.own_database import own_database
from dataflow.bench.throughput import Options
from ingest.envelope import Minutes, batch_of
from validation import selectors
from validation.columns import Columns
from validation.history import Answer, HistoryQuery, answer
from validation.store import Manner, insert
from validation.writing import Writer

WARM, RUNS = 3, 40  # before the clock counts; measured
ROWS = 2_000_000  # that are filled unless somebody says otherwise
CHUNK, CHUNKS = 8_000, 24  # rows of an insert, as a worker's chunk has them; inserts into each table
NEW_DEVICES = 1_000  # of an insert's rows

Ask = Callable[[int], bytes | None]  # makes an answer, or reads for somebody who makes none


def measure(options: Options, say: Callable[[str], None]) -> dict[str, Any]:
    """Fill, ask and insert; return the figures. Blocks: two million rows take about two minutes."""
    with own_database():
        publish_models()
        rows = options.rows or ROWS
        say(f"filling a table with {rows:,} rows")
        filled = fill(rows, say)
        size = bytes_a_reading(filled)
        say("rolling up")
        rolled_up = roll_up(say)
        gc.collect()
        gc.freeze()  # as the site does, see dataflow/asgi.py
        asked = {name: _asked(name, ask, say) for name, ask in _questions(filled).items()}
        say("inserting into the full table and into an empty one")
        return {
            "benchmark": "history",
            "rows": filled.rows,
            "bytes_a_reading": round(size, 1),
            "seconds": {"filling": round(filled.seconds, 1), "rolling_up": round(rolled_up, 1)},
            **asked,
            "insert": _inserts(filled),
        }


def _questions(filled: Filled) -> dict[str, Ask]:
    names = list(filled.ids)

    def day_of_one(run: int) -> bytes:
        return _series(filled, (names[run % FAST],), timedelta(hours=24))

    def hour_of_ten(run: int) -> bytes:
        return _series(filled, tuple(names[:FAST]), timedelta(hours=1), timedelta(hours=run % 12), bucket="raw")

    def month_of_hundred(run: int) -> bytes:
        return _series(filled, tuple(names[:DEVICES]), timedelta(days=30), bucket=timedelta(hours=1))

    def newest(run: int) -> None:
        selectors.newest(model=NAME)

    def status(run: int) -> bytes:
        return _bytes(status_rows(NAME))

    return {
        "chart_of_24_hours_of_a_device": day_of_one,
        f"readings_of_an_hour_of_{FAST}_devices": hour_of_ten,
        f"hours_of_30_days_of_{DEVICES}_devices": month_of_hundred,
        f"newest_values_of_{KNOWN}_devices": newest,
        f"status_of_{KNOWN}_devices": status,
    }


def _series(
    filled: Filled, devices: tuple[str, ...], span: timedelta, ago: timedelta = timedelta(), **asked: Any
) -> bytes:
    end = filled.end - ago
    query = HistoryQuery(fields=(f"{NAME}.speed",), devices=devices, start=end - span, end=end, **asked)
    found: Answer = answer(query, filled.end)
    return _bytes(told(found))


def _bytes(document: Any) -> bytes:
    return Json().render(document)


def _asked(name: str, ask: Ask, say: Callable[[str], None]) -> dict[str, Any]:
    """Ask again and again; return how the times are spread, and what the answer is like."""
    say(f"asking: {name.replace('_', ' ')}")
    seconds = []
    for run in range(WARM + RUNS):
        began = time.perf_counter()
        data = ask(run)
        seconds.append(time.perf_counter() - began)
    said: dict[str, Any] = {"first_ms": round(seconds[0] * 1000, 2), **spread_ms(seconds[WARM:])}
    found = data and orjson.loads(data)
    if data:
        said["bytes"] = len(data)
    if isinstance(found, dict):
        said |= {key: found[key] for key in ("source", "resolution", "rows")}
    return said


def _inserts(filled: Filled) -> dict[str, Any]:
    """Insert chunk by chunk into both tables in turns; return rows a second, and the share."""
    rates: dict[str, list[float]] = {NAME: [], EMPTY: []}
    for columns in _chunks(filled):
        name = columns.rows.model.spec.name
        began = time.perf_counter()
        with transaction.atomic():
            insert(columns, Manner.NEW)
        rates[name].append(len(columns) / (time.perf_counter() - began))
    full, empty = median(rates[NAME]), median(rates[EMPTY])
    return {"empty_rows_a_second": round(empty), "full_rows_a_second": round(full), "share": round(full / empty, 3)}


def _chunks(filled: Filled) -> Iterator[Columns]:
    """Yield rows as a worker has them after judging messages: of a thousand devices, of times that go on."""
    writer, minutes = Writer(), Minutes()
    names, start = list(filled.ids)[:NEW_DEVICES], filled.end.timestamp()
    for chunk in range(CHUNKS):
        for model in (NAME, EMPTY):
            places = range(chunk * CHUNK, (chunk + 1) * CHUNK)
            topics = [f"{model}/{names[place % NEW_DEVICES]}/telemetry".encode() for place in places]
            payloads = [_payload(start + place // NEW_DEVICES * 1.0, place) for place in places]
            yield from writer.judge([batch_of("bench", minutes, topics, payloads)]).parts


def _payload(ts: float, place: int) -> bytes:
    values = {"speed": 60.1 + place % 40, "heading": place % 360 + 0.5, "latitude": 48.1, "longitude": 11.5}
    return orjson.dumps({"timestamp": ts, "seq": place, **values})
