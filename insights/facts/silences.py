"""Facts about silence: for how long devices sent nothing although they were expected to."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db.backends.utils import CursorWrapper
from psycopg.sql import SQL, Composable, Literal

from insights.facts.fact import Fact
from insights.facts.source import Origin, text_of
from validation.presence import DEFAULT_INTERVAL_S, LATE_AT_LEAST_S, LATE_INTERVALS

# Rollups know no shorter silences than two of their buckets, in seconds.
SHORTEST = {"raw": 0.0, "1m": 120.0, "1h": 7_200.0}


def facts_of(cursor: CursorWrapper, origin: Origin, now: datetime) -> Iterator[Fact]:
    """Give how many silences there were, how long they were together, and the longest, by the rule for `offline`.

    A silence is a time without readings, by their own times, that is longer than ten expected intervals of the device
    and at least 30 s; one that goes on at the end of the window counts up to now, one at its beginning if the device
    was known before. Raises what the database raises.
    """
    silences = _silences(origin, now)
    count = SQL("SELECT count(*) FROM ({}) silences").format(silences)
    seconds = SQL("SELECT coalesce(sum(until - since), 0) FROM ({}) silences").format(silences)
    longest = SQL(
        "SELECT until - since, to_timestamp(since), d.name FROM ({}) silences JOIN ingest_device d ON d.id = device_id "
        "ORDER BY 1 DESC, since, d.name LIMIT 1"
    ).format(silences)
    devices = SQL("SELECT count(DISTINCT device_id) FROM ({}) silences").format(silences)
    cursor.execute(SQL("SELECT count(*), sum(until - since), count(DISTINCT device_id) FROM ({}) s").format(silences))
    number, whole, silent = cursor.fetchone()
    yield _fact(origin, "silences", "silences longer than a device is expected to have", number, "1", count)
    if not number:
        return
    yield _fact(origin, "silences.devices", "devices that had one", silent, "1", devices)
    yield _fact(origin, "silences.seconds", "how long they were together", float(whole), "s", seconds)
    cursor.execute(longest)
    length, since, device = cursor.fetchone()
    yield _fact(origin, "silences.longest", "the longest", float(length), "s", longest, device, since)


def _fact(
    origin: Origin,
    name: str,
    label: str,
    value: float,
    unit: str,
    sql: Composable,
    device: str | None = None,
    at: datetime | None = None,
) -> Fact:
    return Fact(
        name=name,
        label=f"Silence: {label}",
        value=value,
        unit=unit if unit == "s" else "",
        model=origin.subject.spec.name,
        window=origin.window,
        readings=0,
        sql=text_of(SQL("{};").format(sql)),
        device=device,
        at=at,
    )


def _silences(origin: Origin, now: datetime) -> Composable:
    """Return a query for silences: device_id, since and until in seconds since 1970."""
    window, model = origin.window, Literal(origin.subject.spec.name)
    devices = SQL(
        "SELECT r.device_id, d.first_seen_at, coalesce(d.expected_interval_s, r.interval_s, {default}) AS every "
        "FROM validation_latest r JOIN ingest_device d ON d.id = r.device_id "
        "WHERE r.model_id = (SELECT id FROM validation_datamodel WHERE name = {model}){which}"
    ).format(default=Literal(DEFAULT_INTERVAL_S), model=model, which=origin.which)
    return SQL(
        "SELECT device_id, before AS since, moment AS until FROM (\n"
        "  SELECT e.device_id, every, moment, lag(moment) OVER (PARTITION BY e.device_id ORDER BY moment) AS before\n"
        "  FROM (\n"
        "  SELECT device_id, extract(epoch FROM at)::float8 AS moment FROM ({rows}) part\n"
        "  UNION ALL SELECT device_id, {last}::float8 FROM ({devices}) ending\n"
        "  UNION ALL SELECT device_id, {first}::float8 FROM ({devices}) known\n"
        "  WHERE first_seen_at < to_timestamp({first})\n"
        "  ) e JOIN ({devices}) device ON device.device_id = e.device_id\n"
        ") steps WHERE moment - before > greatest({intervals} * every, {least})"
    ).format(
        rows=origin.moments(),
        devices=devices,
        first=Literal(window.start.timestamp()),
        last=Literal(min(window.end, max(window.start, now)).timestamp()),
        intervals=Literal(LATE_INTERVALS),
        least=Literal(max(LATE_AT_LEAST_S, SHORTEST[origin.coarsest])),
    )
