"""Read the rows of an export from PostgreSQL as they are made there: however many, memory stays as it is.

An export has a connection of its own, with one snapshot from beginning to end. A day is read at a time, so PostgreSQL
sorts a day at a time. Whoever reads slowly holds PostgreSQL up and nobody else.
"""

from __future__ import annotations

import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import suppress
from datetime import date
from itertools import islice
from typing import Any, LiteralString

import psycopg
from django.db import connections
from psycopg.sql import SQL, Composed

from ingest.postgres import NOT_FOR_US
from validation.exports.columns import columns_of, headings, only_times_have_spaces, selected, with_iso_times
from validation.exports.query import RowsQuery

# Rows of a step: so many that a step's own cost vanishes, some 200 KB. A text may have thousands of characters.
PLAIN_ROWS, ROWS_WITH_TEXTS = 2_000, 200
CONNECT_S = 5
CANCEL_S = 5.0  # for PostgreSQL to take note that nobody wants the rest
SETUP: Sequence[LiteralString] = (
    "SET application_name = 'dataflow export'",
    "SET timezone = 'UTC'",
    "SET work_mem = '64MB'",  # a day of 100 devices at 1 Hz is sorted in a few of these
    "SET lock_timeout = '5s'",
    # One core is what live ingest can spare, and compiling a statement for every day costs more than it saves.
    "SET max_parallel_workers_per_gather = 0",
    "SET jit = off",
    "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
)


class RowStream:
    """Blocks of CSV, each of whole rows, the first one with the headings.

    `blocks` belongs to one thread at a time; `close` may be called from any, also while another one waits for rows.
    """

    def __init__(self, query: RowsQuery, *, guarded: bool = True) -> None:
        """Connect, and begin. Raises Django's OperationalError when the database is away."""
        self._query, self._guarded = query, guarded
        self._plain = only_times_have_spaces(columns_of(query))
        self._closed = False
        self._reading = threading.Lock()
        self._connection = connect()

    def blocks(self) -> Generator[bytes]:
        """Yield the rows, by time, device and sequence. Raises psycopg.Error, also when `close` ended it early."""
        steps = self._steps()
        try:
            while (block := self._next(steps)) is not None:
                yield block
        finally:
            self.close()

    def _next(self, steps: Iterator[bytes]) -> bytes | None:
        with self._reading:
            if self._closed:
                raise psycopg.OperationalError("the export was ended")
            return next(steps, None)

    def _steps(self) -> Iterator[bytes]:
        yield headings(self._query)
        for day in self._query.days:
            yield from self._day(day)

    def _day(self, day: date) -> Iterator[bytes]:
        at_once = PLAIN_ROWS if self._plain else ROWS_WITH_TEXTS
        for rows in copied(self._connection, *selected(self._query, day, guarded=self._guarded), at_once):
            yield with_iso_times(rows) if self._plain else rows

    def close(self) -> None:
        """End the query, if it runs, and the connection. Blocks for CANCEL_S at most."""
        self._closed = True
        if not self._reading.acquire(blocking=False):
            # Somebody waits for rows. Closing alone would leave PostgreSQL sorting what nobody wants.
            with suppress(psycopg.Error, OSError):
                self._connection.cancel_safe(timeout=CANCEL_S)
            if not self._reading.acquire(timeout=CANCEL_S):
                return  # a server that does not even answer; the connection goes with the thread that waits for it
        try:
            self._connection.close()
        finally:
            self._reading.release()

    def __del__(self) -> None:
        if hasattr(self, "_connection"):
            self.close()


def copied(
    connection: psycopg.Connection[tuple[Any, ...]], statement: Composed, parameters: list[Any], at_once: int
) -> Iterator[bytes]:
    """Yield what a statement gives as CSV, some rows at a time."""
    copying = SQL("COPY ({}) TO STDOUT (FORMAT CSV)").format(statement)
    with connection.cursor() as cursor, cursor.copy(copying, parameters) as copy:
        rows = iter(copy)
        while block := b"".join(islice(rows, at_once)):
            yield block


def connect() -> psycopg.Connection[tuple[Any, ...]]:
    """Return a connection to Django's database on which a snapshot to read from has begun.

    Raises Django's OperationalError; what is read on the connection raises psycopg.Error.
    """
    django = connections["default"]
    params = {name: value for name, value in django.get_connection_params().items() if name not in NOT_FOR_US}
    with django.wrap_database_errors:
        connection = psycopg.connect(**params | {"connect_timeout": CONNECT_S, "autocommit": True})
        try:
            for statement in SETUP:
                connection.execute(statement)
        except BaseException:
            connection.close()
            raise
    return connection
