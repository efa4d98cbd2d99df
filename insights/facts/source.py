"""Where facts are read from: readings as they are while there are few, else rollups, up to now by the last readings.

A source is a list of pieces, each a table and a stretch of time that it answers for; together they cover the window
exactly once. Each row has for a field how many values (`n`), their sum (`s`), smallest (`lo`) and largest (`hi`), so
that whatever is computed from rows does not care which table they are from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from psycopg.sql import SQL, Composable, Identifier, Literal

from insights.facts.fact import Window
from validation import tables
from validation.history.choosing import Subject
from validation.history.edges import micros_of
from validation.history.sources import kept_since
from validation.moments import moment
from validation.rollups import tables as rollups
from validation.rollups.layout import NUMERIC, Part, column
from validation.rollups.levels import LEVELS, SECONDS, Level, Source
from validation.rollups.pending import tail_of
from validation.spec import FieldSpec

# Readings that are read for one answer: 300,000 with four numbers each are added up in some 0.2 s.
RAW_READINGS = 300_000
MINUTE_ROWS = 500_000  # of the rollup of minutes; of more devices or longer windows hours are read
LONGEST_BY_MINUTES = timedelta(hours=8)  # of a window whose buckets are shorter than an hour


@dataclass(frozen=True, slots=True)
class Piece:
    """A table that answers for a stretch of time, up to before `end`."""

    level: Source
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Origin:
    """What a question about a model is read from; `columns` names those of the model's table and its rollups."""

    subject: Subject
    which: Composable
    window: Window
    pieces: tuple[Piece, ...]
    columns: dict[Source, frozenset[str]]
    recomputing: int

    @property
    def coarsest(self) -> Source:
        """Return the coarsest table that is read."""
        for level in reversed(LEVELS):
            if any(piece.level == level for piece in self.pieces):
                return level
        return "raw"

    @property
    def table(self) -> Identifier:
        """Return the table of the model's readings."""
        return tables.table(self.subject.spec.name)

    def numbers(self, fields: Sequence[FieldSpec]) -> Composable:
        """Return a query for rows of device_id, at, readings, and n, s, lo and hi of each field, numbered from 0."""
        return SQL("\n  UNION ALL\n  ").join(self._numbers(piece, fields) for piece in self.pieces)

    def values(self, field: FieldSpec) -> Composable:
        """Return a query for rows of device_id, at, value (text) and n of a field that is a boolean or a choice."""
        return SQL("\n  UNION ALL\n  ").join(self._values(piece, field) for piece in self.pieces)

    def moments(self) -> Composable:
        """Return a query for rows of device_id, at and readings."""
        return self.numbers(())

    def _numbers(self, piece: Piece, fields: Sequence[FieldSpec]) -> Composable:
        known = self.columns[piece.level]
        if piece.level == "raw":
            shown = [_of_reading(tables.value(field.name, known), number) for number, field in enumerate(fields)]
            return self._from(piece, SQL("r.ts AS at, 1 AS readings"), shown, SQL("r.ts"))
        shown = [_of_rollup(field, known, number) for number, field in enumerate(fields)]
        return self._from(piece, SQL("r.bucket AS at, r.readings"), shown, SQL("r.bucket"))

    def _values(self, piece: Piece, field: FieldSpec) -> Composable:
        known = self.columns[piece.level]
        if piece.level == "raw":
            value = SQL(", {}::text AS value, 1 AS n").format(tables.value(field.name, known))
            return self._from(piece, SQL("r.ts AS at"), [value], SQL("r.ts"))
        name = column(field.name, "values")
        counts = SQL("r.{}").format(Identifier(name)) if name in known else SQL("NULL::jsonb")
        inner = self._from(piece, SQL("r.bucket AS at"), [SQL(", {} AS counts").format(counts)], SQL("r.bucket"))
        return SQL(
            "SELECT device_id, at, key AS value, value::bigint AS n FROM ({}) b, jsonb_each_text(counts)"
        ).format(inner)

    def _from(self, piece: Piece, own: SQL, shown: Sequence[Composable], at: SQL) -> Composable:
        return SQL("SELECT r.device_id, {}{} FROM {} r WHERE {} >= {} AND {} < {}{}").format(
            own, SQL("").join(shown), rollups.table(self.subject.spec.name, piece.level), at, _time(piece.start), at,
            _time(piece.end), self.which,
        )  # fmt: skip


def _of_reading(value: Composable, number: int) -> Composable:
    return SQL(
        ", CASE WHEN {v} IS NULL THEN 0 ELSE 1 END AS {n}, {v}::float8 AS {s}, {v}::float8 AS {lo}, {v}::float8 AS {hi}"
    ).format(v=value, **_named(number))


def _of_rollup(field: FieldSpec, known: frozenset[str], number: int) -> Composable:
    def part(name: Part) -> Composable:
        full = column(field.name, name)
        return SQL("r.{}").format(Identifier(full)) if full in known else SQL("NULL::float8")

    return SQL(", coalesce({}, 0)::bigint AS {n}, {} AS {s}, {} AS {lo}, {} AS {hi}").format(
        part("count"), part("sum"), part("min"), part("max"), **_named(number)
    )


def _named(number: int) -> dict[str, Composable]:
    ending = str(number) if number else ""
    return {name: Identifier(f"{name}{ending}") for name in ("n", "s", "lo", "hi")}


def origin_of(subject: Subject, device: str | None, tag: str | None, window: Window, now: datetime) -> Origin:
    """Return what a question about a model over a window is read from. Blocks for the database."""
    name = subject.spec.name
    known: dict[Source, frozenset[str]] = {"raw": frozenset(tables.columns(name))}
    known |= {level: frozenset(rollups.columns(name, level)) for level in LEVELS[:2]}
    pieces, recomputing = _pieces(subject, window, now, known, everyone=device is None and tag is None)
    return Origin(subject, _which(device, tag), window, tuple(pieces), known, recomputing)


def _pieces(
    subject: Subject, window: Window, now: datetime, known: dict[Source, frozenset[str]], *, everyone: bool
) -> tuple[list[Piece], int]:
    if not known["raw"]:
        return [], 0
    seconds = window.length.total_seconds()
    readings = sum(seconds / sender.interval_s for sender in subject.senders)
    kept = kept_since([subject], now)
    start = micros_of(window.start)
    has_raw = kept["raw"] <= start
    if not known["1m"] or (has_raw and readings <= RAW_READINGS):
        return [Piece("raw", window.start, window.end)], 0
    many = len(subject.senders) * seconds / SECONDS["1m"] > MINUTE_ROWS and window.length > LONGEST_BY_MINUTES
    level: Level = "1h" if known["1h"] and (many or kept["1m"] > start) else "1m"
    ids = None if everyone else [sender.id for sender in subject.senders]
    tail = tail_of(subject.spec.name, level, now, ids)
    first, end = start // 60_000_000, micros_of(window.end) // 60_000_000
    minutes_end = max(first, min(end, tail.of("1m")[0]))
    edges: list[tuple[Source, int, int]] = [("1m", first, minutes_end)]
    if level == "1h":
        # Where minutes are gone the hour that the window begins in is read whole.
        hours = first // 60 * 60 if kept["1m"] > start else -(-first // 60) * 60
        hours_end = max(hours, min(tail.of("1h")[0], end // 60 * 60))
        edges = [("1m", first, min(hours, minutes_end)), ("1h", hours, hours_end), ("1m", hours_end, minutes_end)]
    edges.append(("raw", minutes_end, end))
    pieces = [Piece(of, moment(a * 60_000_000), moment(b * 60_000_000)) for of, a, b in edges if a < b]
    return pieces, tail.recomputing(level, first, end)


def _which(device: str | None, tag: str | None) -> Composable:
    if device is not None:
        return SQL(" AND r.device_id = (SELECT id FROM ingest_device WHERE name = {})").format(Literal(device))
    if tag is not None:
        return SQL(" AND r.device_id IN (SELECT id FROM ingest_device WHERE {} = ANY(tags))").format(Literal(tag))
    return SQL("")


def _time(at: datetime) -> Composable:
    return Literal(at.isoformat())


def text_of(statement: Composable) -> str:
    """Return a statement as text that any tool can run."""
    connection.ensure_connection()
    return statement.as_string(connection.connection)


def is_numeric(field: FieldSpec) -> bool:
    """Tell whether a field is a number."""
    return field.kind in NUMERIC
