"""A database of its own for what fills tables to measure something: no ledger is over it, and nobody else sees it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.management import call_command
from django.db import ProgrammingError, connection
from psycopg.errors import InsufficientPrivilege
from psycopg.sql import SQL, Identifier

LONGEST_NAME = 63  # bytes; PostgreSQL cuts what is longer


class NoOwnDatabase(Exception):
    """The user of the database may not make one; the message is for people."""


@contextmanager
def own_database(ending: str) -> Iterator[None]:
    """Let Django's connection lead to a new database on the same server, with all tables, and remove it at the end.

    Its name is that of the installation's with an ending. For one thread. What a killed process left there is removed
    first. Raises NoOwnDatabase.
    """
    ours = connection.settings_dict["NAME"]
    name = ours[: LONGEST_NAME - len(ending)] + ending
    try:
        _run(SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)"), name)
        _run(SQL("CREATE DATABASE {}"), name)
    except ProgrammingError as error:
        if isinstance(error.__cause__, InsufficientPrivilege):
            raise NoOwnDatabase(f"The user of the database may not create one: {str(error).strip()}.") from error
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
