"""A pytest plugin: after a test whose transactions committed, delete the rows that it left.

Django truncates every table and makes types and permissions anew, which takes some 0.3 s a test; most tests leave rows
in a few tables, and deleting those takes some 0.01 s. Types, permissions and roles stay as the migrations made them.
"""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connections, transaction
from django.test import TransactionTestCase

KEPT = {"django_content_type", "auth_permission", "auth_group", "auth_group_permissions"}


def empty(database: str) -> None:
    """Delete all rows of all models' tables but those of KEPT, in one transaction: its end checks the foreign keys."""
    connection = connections[database]
    tables = set(connection.introspection.django_table_names(only_existing=True, include_views=False)) - KEPT
    names = {table: connection.ops.quote_name(table) for table in tables}
    looks = (f"SELECT '{table}' WHERE EXISTS (SELECT FROM {name})" for table, name in names.items())
    with transaction.atomic(using=database), connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(looks))
        for (table,) in cursor.fetchall():
            cursor.execute(f"DELETE FROM {names[table]}")


def _fixture_teardown(self: Any) -> None:
    for database in self._databases_names(include_mirrors=False):
        empty(database)


@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    """Take the place of what Django does."""
    TransactionTestCase._fixture_teardown = _fixture_teardown  # type: ignore[attr-defined]  # no type knows it
