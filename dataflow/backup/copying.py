"""Write a database down with COPY, and build it again: what is done where no pg_dump of a fitting version is."""

from __future__ import annotations

from collections.abc import Callable
from typing import IO
from zipfile import ZipFile

import msgspec
import psycopg
from psycopg.sql import SQL, Composed, Identifier

from dataflow.backup import definitions
from dataflow.backup.container import PIECE_BYTES, Writer
from dataflow.backup.definitions import Definition
from dataflow.backup.survey import Connection

MEMBER = "tables.json"


def dump(connection: Connection, writer: Writer, wrote: Callable[[int], None]) -> None:
    """Write every table that the connection's snapshot shows; `wrote` gets the size of each piece."""
    found = definitions.read(connection)
    with writer.member(MEMBER, compress=True) as file:
        file.write(msgspec.json.encode(found))
    for table in found:
        if table.partitioned:
            continue
        with (
            writer.member(_member(table), compress=True) as file,
            connection.cursor().copy(SQL("COPY {} ({}) TO STDOUT").format(_name(table), _columns(table))) as copy,
        ):
            for piece in copy:
                file.write(piece)
                wrote(len(piece))


def restore(url: str, archive: ZipFile, read: Callable[[int], None]) -> None:
    """Build the tables in a database that has the schemas and nothing in them. Raises psycopg.Error."""
    tables = msgspec.json.decode(archive.read(MEMBER), type=list[Definition])
    # A transaction for each step: all in one would need a lock for every day of every model at once.
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET search_path = ''")
        for table in tables:
            connection.execute(_create(table))
            if table.partitioned:
                # Now, so that each day gets its index as it is made, and not all days at once.
                _finish(connection, table)
        for table in tables:
            if not table.partitioned:
                with archive.open(_member(table)) as file:
                    _fill(connection, table, file, read)
                _finish(connection, table)
        for table in tables:
            for name, sql in table.foreign:
                connection.execute(_add(table, name, sql))


def _create(table: Definition) -> Composed:
    if table.of:
        statement = SQL("CREATE TABLE {} PARTITION OF {} ").format(_name(table), Identifier(*table.of))
        return statement + _raw(table.bounds)
    columns = ", ".join(f"{column.name} {column.sql}" for column in table.columns)
    partitioned = f" PARTITION BY {table.partitioned}" if table.partitioned else ""
    return SQL("CREATE TABLE {} ").format(_name(table)) + _raw(f"({columns}){partitioned}")


def _fill(connection: Connection, table: Definition, file: IO[bytes], read: Callable[[int], None]) -> None:
    statement = SQL("COPY {} ({}) FROM STDIN").format(_name(table), _columns(table))
    with connection.cursor().copy(statement) as copy:
        while piece := file.read(PIECE_BYTES):
            copy.write(piece)
            read(len(piece))
    for column, last, called in table.sequences:
        connection.execute(
            "SELECT setval(pg_get_serial_sequence(format('%%I.%%I', %s::text, %s::text), %s), %s, %s)",
            [table.schema, table.name, column, last, called],
        )


def _finish(connection: Connection, table: Definition) -> None:
    for name, sql in table.constraints:
        connection.execute(_add(table, name, sql))
    for sql in table.indexes:
        connection.execute(_raw(sql))


def _add(table: Definition, name: str, sql: str) -> Composed:
    return SQL("ALTER TABLE {} ADD CONSTRAINT ").format(_name(table)) + _raw(f"{name} {sql}")


def _raw(sql: str) -> SQL:
    """Return SQL that PostgreSQL wrote itself; the seal of the backup says that it was not altered."""
    return SQL(sql)


def _name(table: Definition) -> Identifier:
    return Identifier(table.schema, table.name)


def _columns(table: Definition) -> SQL:
    return _raw(", ".join(column.name for column in table.columns if not column.generated))


def _member(table: Definition) -> str:
    return f"tables/{table.schema}.{table.name}.copy"
