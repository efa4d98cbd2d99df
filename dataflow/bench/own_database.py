"""A database of its own for a benchmark that fills tables: what is in there has no ledger, and nobody else sees it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import call_command
from django.db import ProgrammingError, connection
from psycopg.errors import InsufficientPrivilege
from psycopg.sql import SQL, Identifier

from dataflow.bench.throughput import BenchFailed

ENDING = "_bench"
LONGEST_NAME = 63  # bytes; PostgreSQL cuts what is longer


@contextmanager
def own_database() -> Iterator[None]:
    """Let Django's connection lead to a new database on the same server, with all tables, and remove it at the end.

    For one thread. What a killed benchmark left there is removed first. Raises BenchFailed where the user of the
    database may not make one.
    """
    ours = connection.settings_dict["NAME"]
    name = ours[: LONGEST_NAME - len(ENDING)] + ENDING
    try:
        _run(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)"), name)
        _run(SQL("CREATE DATABASE {}"), name)
    except ProgrammingError as error:
        if isinstance(error.__cause__, InsufficientPrivilege):
            raise BenchFailed(f"The user of the database may not create one: {str(error).strip()}.") from error
        raise
    try:
        _lead_to(name)
        call_command("migrate", verbosity=0, interactive=False)
        yield
    finally:
        _lead_to(ours)
        _run(SQL("DROP DATABASE {} WITH (FORCE)"), name)


def _run(statement: SQL, name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement.format(Identifier(name)))


def _lead_to(name: str) -> None:
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # which the wrapper of PostgreSQL has
    connection.settings_dict["NAME"] = name
