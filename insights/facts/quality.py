"""Facts about the data themselves: how many readings and devices, and what was refused, came again or late."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.backends.utils import CursorWrapper
from psycopg.sql import SQL, Composable, Literal

from insights.facts.fact import Fact
from insights.facts.source import Origin, text_of

LATE_S = 60  # seconds after its own time; what arrives so late was missed on the live page


def facts_of(cursor: CursorWrapper, origin: Origin, readings: int, heard: int) -> Iterator[Fact]:
    """Give the facts about the readings of a window. Raises what the database raises."""
    rows = origin.moments()
    yield _fact(
        origin, "readings", "readings", readings, SQL("SELECT coalesce(sum(readings), 0) FROM ({}) part").format(rows)
    )
    distinct = SQL("SELECT count(DISTINCT device_id) FROM ({}) part").format(rows)
    yield _fact(origin, "devices", "devices that sent readings", heard, distinct, readings)
    for name, label, sql in _counted(origin):
        cursor.execute(sql)
        yield _fact(origin, name, label, int(cursor.fetchone()[0]), sql, readings)


def _counted(origin: Origin) -> Iterator[tuple[str, str, Composable]]:
    window, model = origin.window, Literal(origin.subject.spec.name)
    start, end = Literal(window.start.isoformat()), Literal(window.end.isoformat())
    of_model = SQL("model_id = (SELECT id FROM validation_datamodel WHERE name = {})").format(model)
    # A refused reading names its device as text, where it could be read at all.
    mine: Composable = SQL("")
    if origin.which.as_string(None):
        mine = SQL(" AND device IN (SELECT d.name FROM validation_latest r JOIN ingest_device d ON d.id = r.device_id "
                   "WHERE true{})").format(origin.which)  # fmt: skip
    yield (
        "quarantined",
        "readings that were refused and wait in quarantine",
        SQL("SELECT count(*) FROM validation_quarantined WHERE {} AND received_at >= {} AND received_at < {}{}").format(
            of_model, start, end, mine
        ),
    )
    yield (
        "duplicates",
        "readings that came again and were not stored twice",
        SQL(
            "SELECT coalesce(sum(count), 0) FROM validation_duplicate r WHERE minute >= {} AND minute < {} "
            "AND device_id IN (SELECT device_id FROM validation_latest WHERE {}){}"
        ).format(
            Literal(int(window.start.timestamp() // 60)),
            Literal(int(window.end.timestamp() // 60)),
            of_model,
            origin.which,
        ),
    )
    if origin.coarsest == "raw":
        yield (
            "late",
            f"readings that arrived more than {LATE_S} s after their time",
            SQL("SELECT count(*) FROM {} r WHERE r.ts >= {} AND r.ts < {} AND r.received_at - r.ts > {}{}").format(
                origin.table, start, end, Literal(f"{LATE_S} seconds"), origin.which
            ),
        )


def _fact(origin: Origin, name: str, label: str, value: int, sql: Composable, readings: int | None = None) -> Fact:
    return Fact(
        name=name,
        label=f"Data: {label}",
        value=value,
        unit="",
        model=origin.subject.spec.name,
        window=origin.window,
        readings=value if readings is None else readings,
        sql=text_of(SQL("{};").format(sql)),
    )
