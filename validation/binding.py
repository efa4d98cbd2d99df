"""A cursor whose parameters PostgreSQL binds, for statements that carry whole columns."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connection

from validation import arrays

PREPARED = 1_000  # statements that a connection keeps: one of each model's, and some for models with optional fields


@contextmanager
def server_side(kind: type[psycopg.Cursor[Any]] = psycopg.Cursor) -> Iterator[psycopg.Cursor[Any]]:
    """Give a cursor on Django's connection whose parameters are bound by the server, arrays in binary among them.

    Django's own would write every value into the statement's text. A `psycopg.RawCursor` takes statements as the server
    does, with $1 in place of %s: psycopg remembers how it has translated a hundred statements, and workers may have one
    for each of many models.
    """
    connection.ensure_connection()
    connection.connection.prepared_max = PREPARED
    with connection.wrap_database_errors, kind(connection.connection) as cursor:
        arrays.accept_arrays(cursor)
        yield cursor
