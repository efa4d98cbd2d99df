"""What leaves quarantine without being stored: too old, too much, or discarded by a person. Every loss is counted.

Records are deleted some at a time, each time in one transaction with their count (`QuarantineLoss`), by the day on
which they came. In the books they stay quarantined; `manage.py audit` compares these with what is kept and what is
counted as lost.

The bounds are looked at every minute, so they are soft. First goes what is too old, then what a single device has too
many of, and only then the oldest of all: a device that sends nothing right takes no room from the others. Readings
that name no device count by their topic.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.db import connection, transaction
from psycopg.sql import SQL, Composable

from validation.models import Quarantined, QuarantineLoss
from validation.quarantine.selection import Selection, select

log = logging.getLogger(__name__)

AT_ONCE = 5_000  # records in one statement: some 20 ms, which is how long a replay may find them locked
SECONDS = 5.0  # that one look may take; the next one goes on
# What a record costs on disk, in bytes: what is long, as it is stored, and 200 for all else and the indexes.
SIZE = SQL("(pg_column_size(payload) + pg_column_size(topic) + pg_column_size(reasons) + 200)")
SHARE = 10  # a device may fill a tenth of quarantine, in bytes; only what is left over is shared by age
MEGABYTE = 1024 * 1024
MINUTES_A_DAY = 24 * 60
OF_DEVICE, OF_TOPIC = SQL("device = %s"), SQL("device = '' AND topic = %s")
DELETE_AND_COUNT = SQL(
    "WITH oldest AS (SELECT id, received_at, {size} AS size FROM validation_quarantined WHERE {where} "
    "ORDER BY received_at, id LIMIT %s FOR UPDATE SKIP LOCKED), "
    "chosen AS (SELECT id FROM (SELECT id, sum(size) OVER (ORDER BY received_at, id) - size AS before FROM oldest) o "
    "WHERE before < %s), "
    "gone AS (DELETE FROM validation_quarantined q USING chosen WHERE q.id = chosen.id "
    "RETURNING q.model_id, q.minute, {size} AS size), "
    "counted AS (INSERT INTO validation_quarantineloss AS l (day, model_id, cause, count) "
    "SELECT date '1970-01-01' + (minute / 1440)::int, model_id, %s, count(*) FROM gone GROUP BY 1, 2 ORDER BY 1, 2 "
    "ON CONFLICT (day, model_id, cause) DO UPDATE SET count = l.count + excluded.count) "
    "SELECT count(*), coalesce(sum(size), 0)::bigint FROM gone"
)
MOST = 2**62  # bytes; no bound


class Gone(NamedTuple):
    """How many records were deleted, and their size in bytes."""

    records: int
    size: int


class Holder(NamedTuple):
    """Who holds something in quarantine: a device, or a topic of readings that name none."""

    device: str
    topic: str
    records: int
    size: int = 0

    @property
    def where(self) -> tuple[SQL, str]:
        """Return the condition for its records and the parameter of that."""
        return (OF_DEVICE, self.device) if self.device else (OF_TOPIC, self.topic)


def discard(selection: Selection, by: str) -> int:
    """Delete the selected records that are there now, for good, and return how many; `by` says who wants it.

    Goes some thousand records at a time; what is deleted when it dies is counted. Waits for replays that hold some.
    """
    last = Quarantined.objects.order_by("pk").values_list("pk", flat=True).last() or 0
    selected = select(selection).order_by("pk").values_list("pk", flat=True)
    cursor = count = 0
    while True:
        with transaction.atomic():
            ids = list(selected.filter(pk__gt=cursor, pk__lte=last).select_for_update()[:AT_ONCE])
            if not ids:
                break
            count += _delete(QuarantineLoss.Cause.DISCARDED, SQL("id = ANY(%s)"), [ids]).records
        cursor = ids[-1]
    log.warning("%s discarded %d quarantined readings", by or "somebody", count)
    return count


def enforce_limits(now: datetime | None = None) -> int:
    """Delete what quarantine may not keep, for some seconds at most, and return how many records that were.

    Cheap when nothing is over: three questions, of which the dearest counts the records of each device.
    """
    work = _Work(time.monotonic() + SECONDS)
    oldest = (now or datetime.now(UTC)) - timedelta(days=settings.QUARANTINE_DAYS)
    work.delete(QuarantineLoss.Cause.AGE, SQL("received_at < %s"), [oldest])
    for holder in _holders_of_more_than(settings.QUARANTINE_PER_DEVICE):
        where, name = holder.where
        work.delete(QuarantineLoss.Cause.DEVICE, where, [name], count=holder.records - settings.QUARANTINE_PER_DEVICE)
    _bound_size(work, settings.QUARANTINE_MB * MEGABYTE)
    if work.gone:
        log.warning("quarantine has let go of readings: %s", ", ".join(f"{n} ({why})" for why, n in work.gone.items()))
    return work.gone.total()


class _Work:
    """What a look at the bounds has deleted, and until when it may go on."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.gone: Counter[str] = Counter()

    def delete(
        self, cause: str, where: Composable, parameters: list[Any], *, count: int = MOST, size: int = MOST
    ) -> int:
        """Delete the oldest records of some, until there were `count` of them or `size` bytes. Return the bytes."""
        total = Gone(0, 0)
        while total.records < count and total.size < size and time.monotonic() < self.deadline:
            gone = _delete(cause, where, parameters, min(AT_ONCE, count - total.records), size - total.size)
            if not gone.records:
                break
            total = Gone(total.records + gone.records, total.size + gone.size)
        if total.records:
            self.gone[cause] += total.records
        return total.size


def _bound_size(work: _Work, limit: int) -> None:
    if _bytes_on_disk() <= limit:
        return
    over, holders = _sizes(limit)
    for holder in holders:
        where, name = holder.where
        excess = min(over, holder.size - limit // SHARE)
        over -= work.delete(QuarantineLoss.Cause.DEVICE, where, [name], size=excess)
    work.delete(QuarantineLoss.Cause.SIZE, SQL("true"), [], size=over)


def _delete(cause: str, where: Composable, parameters: list[Any], count: int = AT_ONCE, size: int = MOST) -> Gone:
    """Delete the oldest records of some that nobody holds, at most so many and just so many bytes, and count them."""
    with connection.cursor() as cursor:
        cursor.execute(DELETE_AND_COUNT.format(size=SIZE, where=where), [*parameters, count, size, cause])
        return Gone(*cursor.fetchone())


def _holders_of_more_than(count: int) -> list[Holder]:
    """Return who holds more than so many records."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM (SELECT 1 FROM validation_quarantined LIMIT %s) AS few", [count + 1])
        if cursor.fetchone()[0] <= count:
            return []
        cursor.execute(
            "SELECT device, '', count(*) FROM validation_quarantined WHERE device <> '' "
            "GROUP BY device HAVING count(*) > %s UNION ALL "
            "SELECT '', topic, count(*) FROM validation_quarantined WHERE device = '' "
            "GROUP BY topic HAVING count(*) > %s",
            [count, count],
        )
        return [Holder(*row) for row in cursor.fetchall()]


def _bytes_on_disk() -> int:
    """Return what quarantine takes on disk, indexes and free space included: never less than what is counted."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_total_relation_size('validation_quarantined')")
        return int(cursor.fetchone()[0])


def _sizes(limit: int) -> tuple[int, list[Holder]]:
    """Return by how many bytes quarantine is over a limit, and who holds more than a share of it, the largest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            SQL(
                "SELECT device, topic, count, size, sum(size) OVER ()::bigint FROM (SELECT device, "
                "CASE WHEN device = '' THEN topic ELSE '' END AS topic, count(*) AS count, sum({})::bigint AS size "
                "FROM validation_quarantined GROUP BY 1, 2) AS held ORDER BY size DESC LIMIT 100"
            ).format(SIZE)
        )
        rows = cursor.fetchall()
    over = rows[0][-1] - limit if rows else 0
    return over, [holder for *row, _ in rows if (holder := Holder(*row)).size > limit // SHARE]


def expired(since_minute: int) -> tuple[int, str]:
    """Return how many quarantined readings are no longer kept, and a complaint when as many are not counted as lost.

    Losses are counted by day, so from a minute within a day on there are bounds only.
    """
    first_day, next_day = since_minute // MINUTES_A_DAY, -(-since_minute // MINUTES_A_DAY)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT coalesce(sum(quarantined), 0)::bigint FROM ("
            "SELECT minute, quarantined FROM validation_ledgerentry UNION ALL "
            "SELECT minute, quarantined FROM validation_ledgerminute) AS books WHERE minute >= %s), "
            "(SELECT count(*) FROM validation_quarantined WHERE minute >= %s), "
            "coalesce(sum(count) FILTER (WHERE day >= date '1970-01-01' + %s), 0)::bigint, "
            "coalesce(sum(count) FILTER (WHERE day >= date '1970-01-01' + %s), 0)::bigint "
            "FROM validation_quarantineloss",
            [since_minute, since_minute, next_day, first_day],
        )
        quarantined, kept, least, most = cursor.fetchone()
    gone = quarantined - kept
    if gone > most:
        return gone, f"{gone - most} quarantined readings are neither in quarantine nor counted as lost from it."
    if gone < least:
        return gone, f"Quarantine holds, or has lost, {least - gone} readings more than the books know."
    return gone, ""
