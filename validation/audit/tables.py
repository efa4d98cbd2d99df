"""Whether the tables hold what the ledger says was stored, and the verdicts add up to the ledger's own sums."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.migrations.recorder import MigrationRecorder
from psycopg.sql import SQL, Composable, Identifier, Literal

from validation.audit.books import named
from validation.audit.breakdown import VERDICTS
from validation.audit.snapshot import one_snapshot
from validation.models import DataModel, Expired
from validation.moments import moment
from validation.tables import SCHEMA, columns, table

# The migration since which entries say which model judged them. What was judged before belongs to no version.
VERDICTS_SINCE = "0002_models_people_can_trust"
# Seconds that a message may wait in a bridge before its batch gets the minute under which it is counted.
SLACK_S = 60
MOST_NAMED = 5


@dataclass(slots=True)
class TableBooks:
    """A model's table beside the books: readings that its verdicts say were stored, rows, rows that retention removed.

    `unattributed` readings were stored before the books told models apart; they may be of any model.
    """

    model: str
    stored: int
    in_table: int
    removed: int
    unattributed: int = 0
    slack: int = 0  # rows that were received in the minute before, and may be counted under the first one
    is_from_a_minute_on: bool = False

    @property
    def excess(self) -> int:
        """Return how many rows the table has more than the books can explain; negative: fewer."""
        least = self.in_table + (0 if self.is_from_a_minute_on else self.removed)
        most = self.in_table + self.slack + self.removed
        if least > self.stored + self.unattributed:
            return least - self.stored - self.unattributed
        return min(0, most - self.stored)


def compare_tables(since: int = 0) -> tuple[list[TableBooks], list[str]]:
    """Return each model's table beside the books from a minute on, and complaints about what does not agree.

    Counts every row, which takes about a second for ten million. What seems wrong is looked at a second time, because
    a day that retention takes out of its table just now may be seen in neither place. From a minute on there are
    bounds only: how many of the rows that retention removed were received since is not known, and rows of the minute
    before may be counted under the first one.
    """
    tables, complaints = _compare(since)
    return _compare(since) if complaints else (tables, complaints)


def _compare(since: int) -> tuple[list[TableBooks], list[str]]:
    with one_snapshot() as cursor:
        unattributed, complaints = _verdicts_against_ledger(cursor, since)
        stored = _stored(cursor, since)
        found = []
        for model in DataModel.objects.filter(versions__isnull=False).distinct().order_by("name"):
            if columns(model.name):
                books = _of_table(cursor, model, stored.get(model.pk, 0), since)
                books.unattributed = unattributed
                found.append(books)
                complaints += _complaints(cursor, model, books, since)
    return found, complaints


def _stored(cursor: CursorWrapper, since: int) -> dict[int, int]:
    cursor.execute(SQL("SELECT model, sum(stored)::bigint FROM {} GROUP BY 1").format(VERDICTS), {"since": since})
    return dict(cursor.fetchall())


def _of_table(cursor: CursorWrapper, model: DataModel, stored: int, since: int) -> TableBooks:
    """Count a model's rows, those of days that retention has taken out and not yet dropped included."""
    # Without a condition the answer comes from the index alone.
    condition: Composable = SQL("true")
    before: Composable = SQL("false")
    if since:
        start = Literal(since * 60)
        condition = SQL("received_at >= to_timestamp({})").format(start)
        before = SQL("received_at < to_timestamp({}) AND received_at >= to_timestamp({})").format(
            start, Literal(since * 60 - SLACK_S)
        )
    rows = slack = 0
    for part in (table(model.name), *_apart(cursor, model.name)):
        cursor.execute(
            SQL("SELECT count(*) FILTER (WHERE {0}), count(*) FILTER (WHERE {1}) FROM {2} WHERE {0} OR {1}").format(
                condition, before, part
            )
        )
        in_part, in_slack = cursor.fetchone()
        rows, slack = rows + in_part, slack + in_slack
    removed = Expired.objects.filter(model=model, level="raw", removed_at__gte=moment(since * 60_000_000))
    gone = sum(removed.values_list("rows", flat=True))
    return TableBooks(model.name, stored, rows, gone, slack=slack, is_from_a_minute_on=bool(since))


def _apart(cursor: CursorWrapper, model: str) -> list[Identifier]:
    """Return the days of a model that are tables by themselves: retention counts and drops them next."""
    cursor.execute(
        "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE n.nspname = %s AND c.relkind = 'r' AND NOT c.relispartition AND c.relname ~ %s",
        [SCHEMA, f"^{re.escape(model)}_p[0-9]{{8}}$"],
    )
    return [Identifier(SCHEMA, name) for (name,) in cursor.fetchall()]


def _complaints(cursor: CursorWrapper, model: DataModel, books: TableBooks, since: int) -> list[str]:
    if not books.excess:
        return []
    said = f"{abs(books.excess):,} readings {'more' if books.excess > 0 else 'fewer'} than the books say were stored"
    days = "" if books.removed or books.unattributed else _days(cursor, model, since)
    return [f"The table of {model.name} holds {said}{days}."]


def _days(cursor: CursorWrapper, model: DataModel, since: int) -> str:
    """Name the days of receipt (UTC) on which rows and verdicts differ. Reads the whole table."""
    cursor.execute(
        SQL(
            "SELECT day, coalesce(r.rows, 0) - coalesce(v.stored, 0) FROM "
            "(SELECT floor(extract(epoch FROM received_at) / 86400)::bigint AS day, count(*) AS rows FROM {} "
            "WHERE received_at >= to_timestamp(%(start)s) GROUP BY 1) AS r FULL JOIN "
            "(SELECT minute / 1440 AS day, sum(stored)::bigint AS stored FROM {} WHERE model = %(model)s GROUP BY 1) "
            "AS v USING (day) WHERE coalesce(r.rows, 0) <> coalesce(v.stored, 0) ORDER BY day DESC LIMIT {}"
        ).format(table(model.name), VERDICTS, Literal(MOST_NAMED)),
        {"start": since * 60, "since": since, "model": model.pk},
    )
    told = [f"{moment(day * 86_400_000_000):%Y-%m-%d}: {excess:+,}" for day, excess in cursor.fetchall()]
    return f" (by day of receipt, {'; '.join(told)})" if told else ""


def _verdicts_against_ledger(cursor: CursorWrapper, since: int) -> tuple[int, list[str]]:
    """Return how many readings were stored before models were told apart, and a complaint about minutes that differ."""
    began = _began()
    cursor.execute(
        SQL(
            "SELECT minute, l.stored - coalesce(v.stored, 0), l.duplicate - coalesce(v.duplicate, 0), "
            "l.quarantined - coalesce(v.quarantined, 0) FROM (SELECT minute, sum(stored)::bigint AS stored, "
            "sum(duplicate)::bigint AS duplicate, sum(quarantined)::bigint AS quarantined FROM ("
            "SELECT minute, stored, duplicate, quarantined FROM validation_ledgerentry UNION ALL "
            "SELECT minute, stored, duplicate, quarantined FROM validation_ledgerminute) AS o "
            "WHERE minute >= %(since)s GROUP BY 1) AS l FULL JOIN "
            "(SELECT minute, sum(stored)::bigint AS stored, sum(duplicate)::bigint AS duplicate, "
            "sum(quarantined)::bigint AS quarantined FROM {} GROUP BY 1) AS v USING (minute) "
            "WHERE (l.stored, l.duplicate, l.quarantined) IS DISTINCT FROM (v.stored, v.duplicate, v.quarantined) "
            "ORDER BY minute"
        ).format(VERDICTS),
        {"since": since},
    )
    unattributed, wrong = 0, []
    for minute, *differences in cursor.fetchall():
        if all(difference == 0 for difference in differences):
            continue
        if minute < began and all(difference is not None and difference >= 0 for difference in differences):
            unattributed += differences[0]
        else:
            wrong.append(minute)
    if not wrong:
        return unattributed, []
    told = ", ".join(named(minute) for minute in wrong[:MOST_NAMED])
    more = f" and {len(wrong) - MOST_NAMED} more" if len(wrong) > MOST_NAMED else ""
    return unattributed, [f"By model the books have other sums than by minute: {told}{more}."]


def _began() -> int:
    """Return the minute since which every entry says which versions judged it."""
    applied: Any = MigrationRecorder(connection).applied_migrations().get(("validation", VERDICTS_SINCE))
    return int(applied.applied.timestamp() // 60) + 1 if applied else 0
