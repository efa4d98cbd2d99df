"""A table of readings as 30 days of a fleet leave it, filled by PostgreSQL itself, and its rollups.

A hundred devices; ten of them sent once a second for the last 24 hours, and all of them, in the days before, so many
seconds at the beginning of each hour as make the number of rows that is wanted. Rows lie in the order of their times,
as readings arrive: those of one device are spread over all pages of a day.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection
from psycopg.sql import SQL

from dataflow.bench.throughput import BenchFailed
from ingest.models import Device
from validation import drafting
from validation.publishing import publish
from validation.rollups import tables as rollups
from validation.rollups.levels import LEVELS
from validation.rollups.running import Roller
from validation.spec import FieldSpec, ModelSpec
from validation.tables import SCHEMA, ensure_partitions, table

NAME, EMPTY = "bench_history", "bench_history_empty"
DEVICES, FAST, KNOWN = 100, 10, 10_000  # that sent for 30 days; once a second for a day; that have newest values
DAYS, DAY_S, HOUR_S = 30, 86_400, 3_600
LEAST_ROWS = 1_000_000  # 864,000 of the last day, and something of each hour before
TURN_S = 5.0  # of rolling up, between two words about it


@dataclass(frozen=True, slots=True)
class Filled:
    """What there is: rows, the end of the last day, and the devices' ids by name, the fast ones first."""

    rows: int
    end: datetime
    ids: dict[str, int]
    seconds: float


def spec_of(name: str) -> ModelSpec:
    """Return a model with four numbers, on a topic of its own."""
    fields = [("speed", "km/h"), ("heading", "deg"), ("latitude", "deg"), ("longitude", "deg")]
    return ModelSpec(
        name=name,
        topic_filter=f"{name}/+/telemetry",
        fields=tuple(FieldSpec(name=field, kind="number", unit=unit) for field, unit in fields),
    )


def publish_models() -> None:
    """Publish the model to fill and the one that stays empty."""
    for name in (NAME, EMPTY):
        publish(drafting.save(spec_of(name), "Made and used by the benchmark of history."), by="benchmark")


def fill(rows: int, say: Callable[[str], None]) -> Filled:
    """Fill the table with about so many rows; raise BenchFailed for too few or too many. Blocks for 10 µs a row."""
    seconds_an_hour = (rows - FAST * DAY_S) // (DEVICES * (DAYS - 1) * 24)
    if rows < LEAST_ROWS or seconds_an_hour > HOUR_S:
        most = FAST * DAY_S + DEVICES * (DAYS - 1) * DAY_S
        raise BenchFailed(f"The table has from {LEAST_ROWS:,} to {most:,} rows.")
    began = time.monotonic()
    end = datetime.now(UTC).replace(second=0, microsecond=0)
    ids = _devices(end)
    ensure_partitions(NAME, [(end - timedelta(days=ago)).date() for ago in range(-1, DAYS + 1)])
    some = list(ids.values())
    stored = 0
    for ago in reversed(range(DAYS)):
        start = end - timedelta(days=ago + 1)
        stored += _insert(start, some[:DEVICES], seconds_an_hour) if ago else _insert(start, some[:FAST], HOUR_S)
        if ago % 10 == 0:
            say(f"{stored:,} rows after {time.monotonic() - began:.0f} s")
    with connection.cursor() as cursor:
        cursor.execute(SQL("VACUUM ANALYZE {}").format(table(NAME)))
        cursor.execute("VACUUM ANALYZE ingest_device, validation_latest")
    return Filled(stored, end, ids, time.monotonic() - began)


def roll_up(say: Callable[[str], None]) -> float:
    """Let the task's own code compute all rollups; return the seconds that it took."""
    began, roller = time.monotonic(), Roller()
    while roller.run(TURN_S, patient=False):
        say(f"rolling up for {time.monotonic() - began:.0f} s")
    with connection.cursor() as cursor:
        for level in LEVELS:
            cursor.execute(SQL("VACUUM ANALYZE {}").format(rollups.table(NAME, level)))
    return time.monotonic() - began


def bytes_a_reading(filled: Filled) -> float:
    """Return what a reading takes on the disk, index included."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = %s::regclass",
            [f"{SCHEMA}.{NAME}"],
        )
        return float(cursor.fetchone()[0]) / filled.rows


def _devices(end: datetime) -> dict[str, int]:
    """Register all devices and give each a newest reading; return their ids in the order of their names."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO ingest_device (name, first_seen_at) "
            "SELECT format('bench_%%s', lpad(n::text, 5, '0')), now() FROM generate_series(1, %s) n",
            [KNOWN],
        )
        cursor.execute(
            "INSERT INTO validation_latest "
            "(device_id, model_id, ts, seq, received_at, last_seen_at, interval_s, values) "
            "SELECT d.id, m.id, %s - d.id * interval '1 ms', 0, %s, %s, 1, jsonb_build_object('speed', 60 + random(), "
            "'heading', 360 * random(), 'latitude', 48 + random(), 'longitude', 11 + random()) "
            "FROM ingest_device d, validation_datamodel m WHERE m.name = %s",
            [end, end, end, NAME],
        )
    return dict(Device.objects.order_by("name").values_list("name", "id"))


def _insert(start: datetime, ids: list[int], seconds_an_hour: int) -> int:
    """Insert a day of some devices, so many seconds from the beginning of each hour; return how many rows that are."""
    statement = SQL(
        "INSERT INTO {} (version, ts, received_at, seq, device_id, speed, heading, latitude, longitude) "
        "SELECT 1, at, at + interval '20 ms', extract(epoch FROM at)::bigint, d, "
        "60 + 40 * sin(extract(epoch FROM at)::float8 / 600 + d) + 5 * random(), 360 * random(), "
        "48 + random(), 11 + random() "
        "FROM generate_series(%s::timestamptz, %s::timestamptz, '1 hour') h, generate_series(0, %s - 1) s, "
        "unnest(%s::int4[]) d, LATERAL (SELECT h + s * interval '1 second' AS at) a ORDER BY at, d"
    )
    with connection.cursor() as cursor:
        last_hour = start + timedelta(hours=23)
        cursor.execute(statement.format(table(NAME)), [start, last_hour, seconds_an_hour, ids])
        return int(cursor.rowcount)
