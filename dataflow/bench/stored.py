"""How many readings of a load are stored: counted while it runs."""

from __future__ import annotations

from django.db import connection
from psycopg.sql import SQL

from validation.tables import table


def stored_within_the_hour(prefix: str, model: str = "vehicle") -> int:
    """Return how many rows of the devices of a prefix came within the hour."""
    with connection.cursor() as cursor:
        cursor.execute(
            SQL(
                "SELECT count(*) FROM {} WHERE received_at >= now() - interval '1 hour' "
                "AND device_id IN (SELECT id FROM ingest_device WHERE starts_with(name, %s))"
            ).format(table(model)),
            [prefix],
        )
        return int(cursor.fetchone()[0])
