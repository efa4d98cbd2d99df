"""Facts of fields that are yes or no, or one of some words: how often each value came."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.backends.utils import CursorWrapper
from psycopg.sql import SQL, Literal

from insights.facts.fact import Fact
from insights.facts.source import Origin, text_of
from validation.spec import FieldSpec

COUNTED = ("boolean", "choice")
MOST_VALUES = 10  # of a field that are told, the most frequent first


def facts_of(cursor: CursorWrapper, origin: Origin, field: FieldSpec) -> Iterator[Fact]:
    """Give how often each value of a field came, the most frequent first. Raises what the database raises."""
    rows = origin.values(field)
    cursor.execute(
        SQL(
            "SELECT value, sum(n)::bigint FROM ({}) part WHERE value IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {}"
        ).format(rows, Literal(MOST_VALUES))
    )
    for value, count in cursor.fetchall():
        sql = SQL("WITH part AS (\n  {}\n)\nSELECT sum(n) FROM part WHERE value = {};").format(rows, Literal(value))
        yield Fact(
            name=f"{field.name}.is.{value}",
            label=f"{field.label or field.name}: how often {value}",
            value=int(count),
            unit="",
            model=origin.subject.spec.name,
            window=origin.window,
            readings=int(count),
            sql=text_of(sql),
            field=field.name,
            when=value,
        )
