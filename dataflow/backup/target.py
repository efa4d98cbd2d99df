"""The database that a backup goes into: it must be empty, or be emptied, and nobody may use it meanwhile."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

from dataflow.backup.errors import BackupError
from dataflow.backup.survey import OWN, RELATIONS, SCHEMAS, Connection, identifier, one, tables
from dataflow.embedded.probes import Unreachable

MAINTENANCE = "postgres"  # a database that every server has


def connected(url: str) -> Connection:
    """Return a connection that commits each statement; raise Unreachable, with the server's words."""
    try:
        return psycopg.connect(url, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        raise Unreachable(str(error).strip()) from error


def for_restoring(url: str) -> str:
    """Return the address under which a restore works: it may write when nobody else may, and waits for no disk.

    Its last commit is an ordinary one, which brings all before it to the disk.
    """
    parts: dict[str, Any] = conninfo_to_dict(url)
    options = f"{parts.get('options') or ''} -c synchronous_commit=off -c default_transaction_read_only=off".strip()
    return make_conninfo("", **(parts | {"options": options}))


def close(connection: Connection) -> None:
    """Make the database refuse every write but a restore's, so that nobody takes a half of it for the whole.

    It stays so when the restore is killed.
    """
    _alter(connection, SQL("SET default_transaction_read_only = on"))


def reopen(connection: Connection) -> None:
    """Let everybody write again."""
    _alter(connection, SQL("RESET default_transaction_read_only"))


def _alter(connection: Connection, what: SQL) -> None:
    name = Identifier(str(one(connection, "SELECT current_database()")))
    connection.execute(SQL("ALTER DATABASE {} {}").format(name, what))


def create_if_missing(url: str) -> bool:
    """Create the database that an address names when its server has none of that name; say whether it had to."""
    try:
        connected(url).close()
    except Unreachable as refused:
        parts: dict[str, Any] = conninfo_to_dict(url)
        name = parts.get("dbname")
        if not name or name == MAINTENANCE:
            raise
        with connected(make_conninfo("", **(parts | {"dbname": MAINTENANCE}))) as server:
            if server.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone():
                raise
            try:
                server.execute(SQL("CREATE DATABASE {}").format(Identifier(name)))
            except psycopg.Error as error:
                raise BackupError(f"There is no database {name!r}, and it cannot be created: {error}") from refused
        return True
    return False


def others(connection: Connection) -> list[str]:
    """Return who else is connected to the database, as far as this role may know."""
    cursor = connection.execute(
        "SELECT coalesce(usename, '?') || coalesce(' (' || nullif(application_name, '') || ')', '') "
        "FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() "
        "AND coalesce(backend_type, 'client backend') = 'client backend'"
    )
    return [who for (who,) in cursor]


def is_empty(connection: Connection) -> bool:
    """Say whether there is nothing that a restore would stand beside."""
    query = SQL("SELECT count(*) FROM {} WHERE {} AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')")
    return not one(connection, query.format(RELATIONS, OWN), [SCHEMAS])


def empty(connection: Connection) -> None:
    """Remove every table, view and sequence of the platform's schemas.

    One after the other: all at once would need a lock for every day of every model.
    """
    # Partitions before their wholes.
    for name, _ in sorted(tables(connection).items(), key=lambda item: item[1][0] == "p"):
        connection.execute(SQL("DROP TABLE IF EXISTS {} CASCADE").format(identifier(name)))
    query = SQL("SELECT n.nspname, c.relname, c.relkind::text FROM {} WHERE {} AND c.relkind IN ('v', 'm', 'S', 'f')")
    left = connection.execute(query.format(RELATIONS, OWN), [SCHEMAS]).fetchall()
    words = {"v": SQL("VIEW"), "m": SQL("MATERIALIZED VIEW"), "S": SQL("SEQUENCE"), "f": SQL("FOREIGN TABLE")}
    for schema, relation, kind in left:
        connection.execute(SQL("DROP {} IF EXISTS {} CASCADE").format(words[kind], Identifier(schema, relation)))


def make_schemas(connection: Connection, names: set[str]) -> None:
    """Create the schemas that are missing."""
    for name in sorted(names):
        connection.execute(SQL("CREATE SCHEMA IF NOT EXISTS {}").format(Identifier(name)))
