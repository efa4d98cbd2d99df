"""One query on its way: the transaction that cannot write, its statements, and what they have found so far."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.db.backends.utils import CursorWrapper

from insights.questions.query import Query
from insights.questions.results import Result, Row
from insights.questions.statements import MOST_ROWS, Source, Statement
from insights.questions.vocabulary import KnownDevice, Vocabulary
from validation.presence import DEFAULT_INTERVAL_S, ONLINE_AT_LEAST_S, ONLINE_INTERVALS
from validation.selectors import bounded_read

HIDDEN = ("in_all", "seconds_in_all", "correlation")  # columns that count, and are no part of a row


@contextmanager
def read_only() -> Iterator[CursorWrapper]:
    """Give a cursor of a transaction in which PostgreSQL itself refuses to write. Raises TooSlow.

    It is rolled back at its end, which takes the setting back with it where it was part of another transaction.
    """
    with bounded_read() as cursor, transaction.atomic():
        cursor.execute("SET TRANSACTION READ ONLY")
        yield cursor
        transaction.set_rollback(True)


@dataclass
class Run:
    """One query on its way, and what it has found."""

    query: Query
    vocabulary: Vocabulary
    now: datetime
    cursor: CursorWrapper
    result: Result = field(default_factory=Result)

    @property
    def source(self) -> Source:
        """Return the readings that the query is about, of its first field."""
        model, _, name = self.query.fields[0].partition(".")
        return Source(model, name, self.query.devices, self.query.tags, self.query.start, self.query.end)

    def rows(self, statement: Statement) -> list[Row]:
        """Run a statement and return its rows by column; its SQL goes to the result."""
        self.result.sql.append(statement.shown())
        self.cursor.execute(statement.query, statement.parameters)
        names = [column.name for column in self.cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in self.cursor.fetchall()]

    def senders(self) -> list[KnownDevice]:
        """Return the devices that the query is about."""
        model, tags = self.query.fields[0].split(".")[0], set(self.query.tags)
        known = self.vocabulary.senders(model)
        if self.query.devices:
            return [self.vocabulary.devices[name] for name in self.query.devices]
        return [device for device in known if not tags or tags & set(device.tags)]

    def longest_gap(self) -> timedelta:
        """Return how long the slowest of the devices may be silent without it being a gap."""
        return timedelta(seconds=max((self.gap_s(device) for device in self.senders()), default=ONLINE_AT_LEAST_S))

    def interval_s(self, device: KnownDevice) -> float:
        """Return the seconds expected between two readings of a device."""
        return device.intervals.get(self.query.fields[0].split(".")[0], DEFAULT_INTERVAL_S)

    def gap_s(self, device: KnownDevice) -> float:
        """Return the seconds after which a silence of a device is a gap, as `validation.history` has it."""
        return max(ONLINE_INTERVALS * self.interval_s(device), ONLINE_AT_LEAST_S)

    def show(self, rows: list[Row], in_all: int | None = None) -> None:
        """Keep the first rows for the answer, without the columns that count."""
        self.result.in_all = in_all if in_all is not None else len(rows)
        self.result.rows = [
            {name: value for name, value in row.items() if name not in HIDDEN} for row in rows[:MOST_ROWS]
        ]
