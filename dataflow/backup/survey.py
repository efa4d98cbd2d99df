"""What a database holds in the platform's schemas. Every function may block for as long as PostgreSQL counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg.sql import SQL, Composed, Identifier

from dataflow.backup.manifest import Table

SCHEMAS = ["public", "telemetry", "rollup"]
# Not what an extension brought along: it comes with the extension again.
OWN = SQL(
    "n.nspname = ANY(%s) AND NOT EXISTS (SELECT 1 FROM pg_depend e WHERE e.classid = 'pg_class'::regclass "
    "AND e.objid = c.oid AND e.deptype = 'e')"
)
# c: a relation, n: its schema.
RELATIONS = SQL("pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace")
# pc, pn: the table and schema that it is a partition of. A partition of which an interrupted detaching has begun counts
# as a table by itself, which is what it is to become.
WHOLES = SQL(
    "LEFT JOIN pg_inherits i ON i.inhrelid = c.oid AND NOT i.inhdetachpending "
    "LEFT JOIN pg_class pc ON pc.oid = i.inhparent LEFT JOIN pg_namespace pn ON pn.oid = pc.relnamespace"
)
Connection = psycopg.Connection[Any]
Name = tuple[str, str]  # schema and table


def identifier(name: Name) -> Identifier:
    """Return a name for use in a statement."""
    return Identifier(*name)


def tables(connection: Connection) -> dict[Name, tuple[str, int, Name | None]]:
    """Return each table: its kind (r or p), how many indexes it has, and of which table it is a partition."""
    cursor = connection.execute(
        SQL(
            "SELECT n.nspname, c.relname, c.relkind::text, "
            "(SELECT count(*) FROM pg_index x WHERE x.indrelid = c.oid), pn.nspname, pc.relname "
            "FROM {} {} WHERE {} AND c.relkind IN ('r', 'p') ORDER BY 1, 2"
        ).format(RELATIONS, WHOLES, OWN),
        [SCHEMAS],
    )
    return {
        (schema, name): (kind, indexes, (of_schema, of) if of else None)
        for schema, name, kind, indexes, of_schema, of in cursor
    }


def survey(connection: Connection) -> dict[str, Table]:
    """Count the rows of every table and return all of them by name."""
    found = {}
    for name, (kind, indexes, of) in tables(connection).items():
        rows = 0 if kind == "p" else _count(connection, name)
        found[".".join(name)] = Table(rows, indexes, ".".join(of) if of else "")
    return found


def migrations(connection: Connection) -> list[tuple[str, str]]:
    """Return the migrations that a database has, as app and name; none when it has no table of them."""
    if one(connection, "SELECT to_regclass('public.django_migrations')") is None:
        return []
    cursor = connection.execute("SELECT app, name FROM public.django_migrations ORDER BY id")
    return [(app, name) for app, name in cursor]


def server_version(connection: Connection) -> str:
    """Return the server's version, such as 18.4."""
    return str(one(connection, "SHOW server_version")).split()[0]


def one(connection: Connection, query: str | SQL | Composed, parameters: Sequence[Any] | None = None) -> Any:
    """Return the one value that a query answers with."""
    row = connection.execute(query, parameters).fetchone()
    if row is None:
        raise LookupError("a query that always answers has not answered")
    return row[0]


def differences(expected: dict[str, Table], found: dict[str, Table]) -> list[str]:
    """Return, as sentences, in what a restored database is not what its backup says. Pure."""
    said = [f"{name} is missing." for name in expected.keys() - found.keys()]
    said += [f"{name} is there and not in the backup." for name in found.keys() - expected.keys()]
    for name in expected.keys() & found.keys():
        was, now = expected[name], found[name]
        if was.rows != now.rows:
            said.append(f"{name} has {now.rows:,} rows instead of {was.rows:,}.")
        if was.indexes != now.indexes:
            said.append(f"{name} has {now.indexes} indexes instead of {was.indexes}.")
        if was.of != now.of:
            said.append(f"{name} is part of {now.of or 'nothing'} instead of {was.of or 'nothing'}.")
    return sorted(said)


def _count(connection: Connection, name: Name) -> int:
    return int(one(connection, SQL("SELECT count(*) FROM ONLY {}").format(identifier(name))))
