"""How the tables of a database are made, read from its own catalogue: for backups without pg_dump.

It knows what the platform and Django make: tables, partitions, defaults, identities, constraints and indexes. Where
people have added something else (a view, a function, a trigger), it says so instead of leaving it out.
"""

from __future__ import annotations

import msgspec
from psycopg.sql import SQL

from dataflow.backup.errors import BackupError
from dataflow.backup.survey import OWN, RELATIONS, SCHEMAS, WHOLES, Connection, one


class Column(msgspec.Struct, frozen=True):
    """A column: its name, and the SQL of type, default and the like."""

    name: str
    sql: str
    generated: bool = False


class Definition(msgspec.Struct, frozen=True):
    """One table. All SQL names its schemas, so it means the same everywhere.

    `partitioned` is how it is divided, `bounds` which part of `of` it is. `constraints` and `indexes` are those of its
    own; a partition gets its share of those of the whole by itself. `sequences` are columns and what they gave out.
    """

    schema: str
    name: str
    columns: list[Column]
    partitioned: str = ""
    of: list[str] = []
    bounds: str = ""
    constraints: list[tuple[str, str]] = []
    foreign: list[tuple[str, str]] = []
    indexes: list[str] = []
    sequences: list[tuple[str, int, bool]] = []


def read(connection: Connection) -> list[Definition]:
    """Return every table, wholes before their partitions. Raises BackupError when something is there it cannot build.

    The connection's search path must be empty, so that PostgreSQL writes every name in full.
    """
    if strange := _strange(connection):
        raise BackupError(
            f"Without pg_dump a backup cannot hold {', '.join(strange)}. Install the client programs of PostgreSQL "
            "(postgresql-client), of the server's version or newer."
        )
    cursor = connection.execute(
        SQL(
            "SELECT c.oid, n.nspname, c.relname, CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END, "
            "pn.nspname, pc.relname, CASE WHEN i.inhrelid IS NOT NULL THEN pg_get_expr(c.relpartbound, c.oid) END "
            "FROM {} {} WHERE {} AND c.relkind IN ('r', 'p') ORDER BY c.relispartition, 2, 3"
        ).format(RELATIONS, WHOLES, OWN),
        [SCHEMAS],
    )
    return [
        Definition(
            schema=schema,
            name=name,
            columns=_columns(connection, oid),
            partitioned=key or "",
            of=[of_schema, of] if of else [],
            bounds=bounds or "",
            constraints=[] if of else _constraints(connection, oid, "pucx"),
            foreign=[] if of else _constraints(connection, oid, "f"),
            indexes=_indexes(connection, oid),
            sequences=_sequences(connection, oid, schema, name),
        )
        for oid, schema, name, key, of_schema, of, bounds in cursor.fetchall()
    ]


def _columns(connection: Connection, table: int) -> list[Column]:
    cursor = connection.execute(
        "SELECT quote_ident(a.attname), format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attidentity::text, "
        "a.attgenerated::text, pg_get_expr(d.adbin, d.adrelid), "
        "CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END "
        "FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid "
        "LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum "
        "WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum",
        [table],
    )
    return [Column(name, _column_sql(*rest), generated=bool(rest[3])) for name, *rest in cursor]


def _column_sql(kind: str, not_null: bool, identity: str, generated: str, default: str, collation: str) -> str:
    words = [kind]
    if collation:
        words.append(f"COLLATE {collation}")
    if generated:
        words.append(f"GENERATED ALWAYS AS ({default}) {'STORED' if generated == 's' else 'VIRTUAL'}")
    elif default:
        words.append(f"DEFAULT {default}")
    if not_null:
        words.append("NOT NULL")
    if identity:
        words.append(f"GENERATED {'ALWAYS' if identity == 'a' else 'BY DEFAULT'} AS IDENTITY")
    return " ".join(words)


def _constraints(connection: Connection, table: int, kinds: str) -> list[tuple[str, str]]:
    cursor = connection.execute(
        "SELECT quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint "
        'WHERE conrelid = %s AND conparentid = 0 AND contype = ANY(%s::"char"[]) ORDER BY conname',
        [table, list(kinds)],
    )
    return [(name, sql) for name, sql in cursor]


def _indexes(connection: Connection, table: int) -> list[str]:
    """Return the indexes that belong to no constraint, and to no index of the whole table."""
    cursor = connection.execute(
        "SELECT pg_get_indexdef(x.indexrelid) FROM pg_index x WHERE x.indrelid = %s "
        "AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = x.indexrelid AND k.contype <> 'f') "
        "AND NOT EXISTS (SELECT 1 FROM pg_inherits i WHERE i.inhrelid = x.indexrelid) ORDER BY 1",
        [table],
    )
    return [sql for (sql,) in cursor]


def _sequences(connection: Connection, table: int, schema: str, name: str) -> list[tuple[str, int, bool]]:
    """Return the columns with an identity, what their sequence gave out last, and whether it gave out anything."""
    columns = connection.execute(
        "SELECT attname, pg_get_serial_sequence(format('%%I.%%I', %s::text, %s::text), attname) FROM pg_attribute "
        "WHERE attrelid = %s AND attidentity <> '' AND NOT attisdropped",
        [schema, name, table],
    ).fetchall()
    found = []
    for column, sequence in columns:
        # The name comes from PostgreSQL, which has quoted it.
        last, called = one(connection, f"SELECT ARRAY[last_value, is_called::int] FROM {sequence}")  # noqa: S608
        found.append((column, last, bool(called)))
    return found


def _strange(connection: Connection) -> list[str]:
    """Return what is in the schemas and is no part of a table as they are built here, by kind and name."""
    cursor = connection.execute(
        SQL(
            "SELECT CASE c.relkind WHEN 'S' THEN 'the sequence ' WHEN 'f' THEN 'the foreign table ' ELSE 'the view ' "
            "END || c.oid::regclass FROM {relations} WHERE {own} AND (c.relkind IN ('v', 'm', 'f') OR c.relkind = 'S' "
            "AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'i')) "
            "UNION ALL SELECT 'the function ' || p.oid::regprocedure FROM pg_proc p "
            "JOIN pg_namespace n ON n.oid = p.pronamespace WHERE n.nspname = ANY(%s) "
            "AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e') "
            "UNION ALL SELECT 'the type ' || t.oid::regtype FROM pg_type t "
            "JOIN pg_namespace n ON n.oid = t.typnamespace WHERE n.nspname = ANY(%s) AND t.typtype IN ('d', 'e', 'r') "
            "AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = t.oid AND d.deptype = 'e') "
            "UNION ALL SELECT 'the trigger ' || g.tgname FROM pg_trigger g JOIN ({relations}) ON c.oid = g.tgrelid "
            "WHERE {own} AND NOT g.tgisinternal "
            "UNION ALL SELECT 'the policy ' || y.polname FROM pg_policy y JOIN ({relations}) ON c.oid = y.polrelid "
            "WHERE {own}"
        ).format(relations=RELATIONS, own=OWN),
        [SCHEMAS] * 5,
    )
    return [what for (what,) in cursor]
