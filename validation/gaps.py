"""Which readings of a device are missing, by the sequence numbers that it gives them.

A gap is a range of numbers between two stored ones of the same run of a device that is not stored: never sent, dropped
by a full outbox or a broker, in quarantine, or still on its way. Numbers are compared by their size and not by when
they came, so what arrives late or in another order is no gap. Where a device begins anew, with 1 or with something far
below what it had just before, a new run begins.

Models that take the moment of receipt for the time of a reading are left out: where their readings have no number, one
is made up. So are numbers below 1, which stand for none.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db.backends.utils import CursorWrapper
from psycopg.sql import SQL, Composable, Literal

from validation import selectors
from validation.selectors import bounded_read
from validation.spec import ModelSpec
from validation.tables import columns, table

WINDOW = timedelta(hours=24)
# What is younger may still be on its way from another buffer, and is not looked at.
UNDERWAY = timedelta(seconds=60)
MOST = 1_000  # ranges of one answer, the largest first
MOST_DEVICES = 200  # of a model whose readings are put in order one by one; those that miss the most
# Readings that must stay low before a number that falls to less than half counts as a new beginning: a clock that is
# set back mixes numbers, and there a high one follows at once.
STAYS_LOW = 5
WORK_MEM = "128MB"  # sorting a million readings takes 60 MB

# Devices that may have gaps, in one pass without sorting: the numbers from the smallest to the largest would have
# another count or another sum, or the device began anew.
SUSPECTS = SQL(
    "SELECT device_id FROM {table} WHERE ts >= %(start)s AND ts < %(end)s AND seq > 0 {one} GROUP BY device_id "
    "HAVING count(*) <> max(seq) - min(seq) + 1 "
    "OR sum(seq) <> (min(seq)::numeric + max(seq)) * count(*) / 2 OR count(*) FILTER (WHERE seq = 1) > 1 "
    "ORDER BY max(seq) - min(seq) + 1 - count(*) DESC LIMIT {devices}"
)
GAPS = SQL(
    "WITH marked AS (SELECT device_id, ts, seq, seq = 1 OR (seq < lag(seq) OVER own / 2 AND "
    "max(seq) OVER (own ROWS BETWEEN CURRENT ROW AND {low} FOLLOWING) < lag(seq) OVER own / 2) AS anew "
    "FROM {table} WHERE ts >= %(start)s AND ts < %(end)s AND seq > 0 AND device_id = ANY(%(devices)s) "
    "WINDOW own AS (PARTITION BY device_id ORDER BY ts, seq)), "
    "runs AS (SELECT *, count(*) FILTER (WHERE anew) OVER (PARTITION BY device_id ORDER BY ts, seq) AS run "
    "FROM marked), "
    "steps AS (SELECT device_id, run, lag(seq) OVER own AS before, seq, lag(ts) OVER own AS since, ts FROM runs "
    "WINDOW own AS (PARTITION BY device_id, run ORDER BY seq)) "
    "SELECT d.name, before + 1, seq - 1, since, ts FROM steps JOIN ingest_device d ON d.id = device_id "
    "WHERE seq > before + 1 ORDER BY seq - before DESC, d.name, ts LIMIT {most}"
)


@dataclass(frozen=True, slots=True)
class Gap:
    """Numbers of a device that are not stored, from `first` to `last`, and the event times of those around them."""

    model: str
    device: str
    first: int
    last: int
    after: datetime
    before: datetime

    @property
    def missing(self) -> int:
        """Return how many numbers that are."""
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Gaps:
    """What was found between two event times; `is_cut` when there is more than one answer may have."""

    start: datetime
    end: datetime
    models: list[str]  # that were looked at
    found: list[Gap]
    is_cut: bool = False

    @property
    def missing(self) -> int:
        """Return how many numbers are missing."""
        return sum(gap.missing for gap in self.found)


def find(
    *,
    model: str | None = None,
    device: str | None = None,
    start: datetime | None = None,
    end: datetime | None = None,
) -> Gaps:
    """Return the gaps between two event times, the largest first; of the last 24 hours unless they are given.

    Raises selectors.TooSlow when that takes too long.
    """
    end = end or datetime.now(UTC) - UNDERWAY
    start = start or end - WINDOW
    specs = [
        spec
        for name, spec in selectors.model_specs().items()
        if model in (None, name) and spec.sequence_key and spec.time_source == "payload" and columns(name)
    ]
    found: list[Gap] = []
    is_cut = False
    for spec in specs:
        with bounded_read() as cursor:
            cursor.execute("SELECT set_config('work_mem', %s, true)", [WORK_MEM])
            suspects = _suspects(cursor, spec, device, start, end)
            is_cut |= len(suspects) > MOST_DEVICES
            found += _gaps(cursor, spec, suspects[:MOST_DEVICES], start, end)
    found.sort(key=lambda gap: (-gap.missing, gap.device, gap.first))
    return Gaps(start, end, [spec.name for spec in specs], found[:MOST], is_cut or len(found) > MOST)


def _suspects(cursor: CursorWrapper, spec: ModelSpec, device: str | None, start: datetime, end: datetime) -> list[int]:
    one: Composable = SQL("")
    if device is not None:
        one = SQL("AND device_id = (SELECT id FROM ingest_device WHERE name = %(device)s)")
    statement = SUSPECTS.format(table=table(spec.name), one=one, devices=Literal(MOST_DEVICES + 1))
    cursor.execute(statement, {"start": start, "end": end, "device": device})
    return [identity for (identity,) in cursor.fetchall()]


def _gaps(cursor: CursorWrapper, spec: ModelSpec, devices: list[int], start: datetime, end: datetime) -> list[Gap]:
    if not devices:
        return []
    statement = GAPS.format(table=table(spec.name), low=Literal(STAYS_LOW), most=Literal(MOST + 1))
    cursor.execute(statement, {"start": start, "end": end, "devices": devices})
    return [Gap(spec.name, *row) for row in cursor.fetchall()]
