"""One moment of a database, held open while it is written down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import psycopg
from psycopg.sql import SQL

from dataflow.backup.errors import BackupError
from dataflow.backup.survey import Connection, identifier, one, tables

# What changes the tables of readings takes this lock first (validation/tables.py), and nothing else does.
TABLES_LOCK = "hashtext('dataflow:tables')"
LOCK_TIMEOUT = "60s"  # far longer than any change of a table may take


class Snapshot(NamedTuple):
    """A moment, the connection that sees it, and the name by which another connection can share it."""

    connection: Connection
    name: str


@contextmanager
def snapshot(url: str) -> Iterator[Snapshot]:
    """Hold a moment of the database. Readers and writers go on; so do new days. Columns and old days wait for the end.

    Raises BackupError when a table is being changed for longer than LOCK_TIMEOUT, psycopg.Error when the database is
    away.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET search_path = ''")
        connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        try:
            connection.execute(f"SELECT pg_advisory_lock({TABLES_LOCK})")
            connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            name = one(connection, "SELECT pg_export_snapshot()")
            # While nobody may change a table, lock all of them, so that none goes away before it is written down.
            for table in tables(connection):
                connection.execute(SQL("LOCK TABLE ONLY {} IN ACCESS SHARE MODE").format(identifier(table)))
            connection.execute(f"SELECT pg_advisory_unlock({TABLES_LOCK})")
        except psycopg.errors.LockNotAvailable as error:
            raise BackupError(f"A table is being changed for longer than {LOCK_TIMEOUT}. Try again later.") from error
        yield Snapshot(connection, name)
        connection.execute("ROLLBACK")
