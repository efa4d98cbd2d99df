"""The books by minute, model and device, as far as they can be known.

A buffer counts messages by minute and does not look into them, so what was received of a model or a device, and what
of it waits, is known to nobody before it is judged: there those columns are None. Outcomes are known by version (the
ledger's verdicts); by device they are counted in the tables themselves. Duplicates of a device are not told apart by
model.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg.sql import SQL, Composable

from ingest.models import Device
from validation.audit.books import Books
from validation.audit.snapshot import one_snapshot
from validation.models import DataModel
from validation.tables import columns, table

BY = ("minute", "model", "device")
MOST = 100_000  # lines of one answer
VERDICTS = SQL(
    "(SELECT minute, (n->>0)::bigint AS model, (n->>1)::int AS version, (n->>2)::bigint AS stored, "
    "(n->>3)::bigint AS duplicate, (n->>4)::bigint AS quarantined "
    "FROM validation_ledgerentry, jsonb_array_elements(verdicts) AS n WHERE minute >= %(since)s UNION ALL "
    "SELECT minute, model, version, stored, duplicate, quarantined FROM validation_ledgerverdict "
    "WHERE minute >= %(since)s) AS verdicts"
)
MINUTE = SQL("floor(extract(epoch FROM received_at) / 60)::bigint")


class TooManyLines(ValueError):
    """There are more lines than one answer may have; the message says how many that are."""


@dataclass(slots=True)
class Line:
    """The books of a minute, of a version of a model, of a device, or of what these have in common.

    What it was not asked by is None, and so is what cannot be known. `model` is "" for topics of no model.
    """

    minute: int | None = None
    model: str | None = None
    version: int | None = None
    device: str | None = None
    received: int | None = None
    stored: int | None = None
    duplicate: int | None = None
    quarantined: int | None = None
    in_flight: int | None = None
    balanced: bool | None = None


def lines(by: Collection[str], minutes: dict[int, Books], since: int = 0, device: str | None = None) -> list[Line]:
    """Return the books from a minute on by some of BY, in order; by `minutes` alone they are those of an audit.

    Raises TooManyLines. Counting devices reads every row that was received since.
    """
    if device is not None or "device" in by:
        found = _by_device(by, since, device)
    elif "model" in by:
        found = _by_model("minute" in by, since)
    else:
        found = [_of_minute(minute, books) for minute, books in minutes.items()]
    if len(found) > MOST:
        raise TooManyLines(f"{len(found):,}")
    return sorted(found, key=lambda line: (line.minute or 0, line.model or "", line.version or 0, line.device or ""))


def model_names() -> dict[int, str]:
    """Return what models are called in lines, by their ids; those of before, too, as far as the books know them."""
    return {0: "", **dict(DataModel.objects.values_list("pk", "name"))}


def _of_minute(minute: int, books: Books) -> Line:
    counts = (books.received, books.stored, books.duplicate, books.quarantined, books.in_flight)
    return Line(minute, None, None, None, *counts, balanced=books.missing == 0)


def _by_model(with_minute: bool, since: int) -> list[Line]:
    names = model_names()
    minute = SQL("minute") if with_minute else SQL("NULL::bigint")
    with connection.cursor() as cursor:
        cursor.execute(
            SQL(
                "SELECT {} AS at, model, version, sum(stored)::bigint, sum(duplicate)::bigint, "
                "sum(quarantined)::bigint FROM {} GROUP BY 1, 2, 3 LIMIT {}"
            ).format(minute, VERDICTS, MOST + 1),
            {"since": since},
        )
        return [
            Line(at, names.get(model, f"(deleted, {model})"), version or None, None, None, *counts)
            for at, model, version, *counts in cursor.fetchall()
        ]


def _by_device(by: Collection[str], since: int, device: str | None) -> list[Line]:
    """Count by device and what else is asked; of one device when it is named."""
    found: dict[tuple[int | None, str | None, str], Line] = {}
    with one_snapshot() as cursor:
        names = dict(_devices(device))
        for column, minute, model, who, count in _counts(cursor, by, since, names, device):
            key = minute, model if "model" in by else None, who
            line = found.setdefault(key, Line(key[0], key[1], None, who, None, 0, 0, 0))
            setattr(line, column, (getattr(line, column) or 0) + count)
    if "model" in by:
        for line in found.values():
            line.duplicate = None if line.model is not None else line.duplicate
    return list(found.values())


Count = tuple[str, int | None, str | None, str, int]  # column, minute, model, device, how many


def _counts(
    cursor: CursorWrapper, by: Collection[str], since: int, names: dict[int, str], device: str | None
) -> Iterator[Count]:
    yield from _stored(cursor, "minute" in by, since, names, device)
    yield from _duplicates(cursor, "minute" in by, since, names)
    yield from _quarantined(cursor, "minute" in by, since, device)


def _devices(device: str | None) -> Iterator[tuple[int, str]]:
    rows = Device.objects.all() if device is None else Device.objects.filter(name=device)
    yield from rows.values_list("pk", "name").iterator()


def _stored(
    cursor: CursorWrapper, with_minute: bool, since: int, names: dict[int, str], device: str | None
) -> Iterator[Count]:
    minute = MINUTE if with_minute else SQL("NULL::bigint")
    of_one = SQL("AND device_id = ANY(%(devices)s)") if device is not None else SQL("")
    for model in DataModel.objects.filter(versions__isnull=False).distinct().values_list("name", flat=True):
        if columns(model):
            statement = SQL("SELECT {}, device_id, count(*) FROM {} WHERE {} {} GROUP BY 1, 2 LIMIT {}").format(
                minute, table(model), _received(since), of_one, MOST + 1
            )
            for at, who, count in _rows(cursor, statement, since=since * 60, devices=list(names)):
                yield "stored", at, model, names.get(who, f"(deleted, {who})"), count


def _received(since: int) -> Composable:
    # Without a condition the answer comes from the index alone.
    return SQL("received_at >= to_timestamp(%(since)s)") if since else SQL("true")


def _duplicates(cursor: CursorWrapper, with_minute: bool, since: int, names: dict[int, str]) -> Iterator[Count]:
    minute = SQL("minute") if with_minute else SQL("NULL::bigint")
    statement = SQL(
        "SELECT {}, device_id, sum(count)::bigint FROM validation_duplicate "
        "WHERE minute >= %(since)s AND device_id = ANY(%(devices)s) GROUP BY 1, 2 LIMIT {}"
    ).format(minute, MOST + 1)
    for at, who, count in _rows(cursor, statement, since=since, devices=list(names)):
        yield "duplicate", at, None, names[who], count


def _quarantined(cursor: CursorWrapper, with_minute: bool, since: int, device: str | None) -> Iterator[Count]:
    minute = SQL("minute") if with_minute else SQL("NULL::bigint")
    of_one = SQL("AND device = %(device)s") if device is not None else SQL("")
    statement = SQL(
        "SELECT {}, m.name, device, count(*) FROM validation_quarantined q "
        "LEFT JOIN validation_datamodel m ON m.id = q.model_id WHERE minute >= %(since)s {} GROUP BY 1, 2, 3 LIMIT {}"
    ).format(minute, of_one, MOST + 1)
    for at, model, who, count in _rows(cursor, statement, since=since, device=device):
        yield "quarantined", at, model or "", who, count


def _rows(cursor: CursorWrapper, statement: Composable, **parameters: Any) -> list[Any]:
    cursor.execute(statement, parameters)
    return list(cursor.fetchall())
