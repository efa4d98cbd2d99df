"""Devices unlike the others of their model: a finding for as long as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from psycopg.sql import SQL, Identifier, Literal

from ingest.leader import Leadership
from insights.detection.events import Event, begun
from insights.detection.peers import FAR, unlike_peers
from insights.detection.verdict import Kind, Verdict
from insights.facts.roles import is_counter
from insights.models import Finding
from insights.watching import keeping
from insights.watching.feedback import MOST, Series
from insights.watching.reading import watched_fields
from validation import blocks
from validation.moments import MICROS_TO_2000
from validation.selectors import bounded_read
from validation.spec import FieldSpec, ModelSpec

FRESH_S = 300.0  # what was measured longer ago is not of the same time as what the others measure
PERSISTS = 4  # looks in a row: for a moment any vehicle is unlike the others
GROWS = 1.1  # times as sure as before is worth writing down


@dataclass(slots=True)
class Peers:
    """The open findings, and how often in a row others were unlike their peers."""

    open: dict[Series, Event] = field(default_factory=dict)
    suspects: dict[Series, int] = field(default_factory=dict)
    _is_loaded: bool = False

    def sweep(self, model: int, spec: ModelSpec, factors: Mapping[Series, float], leadership: Leadership | None) -> int:
        """Begin, go on with and end the findings of a model; return how many began. Blocks for the database."""
        if not self._is_loaded:
            self.open, self._is_loaded = _stored(), True
        fields = [one for one in watched_fields(spec) if not is_counter(one)]
        odd = dict(_odd(model, fields, factors))
        rows, begins = [], 0
        for series, verdict in odd.items():
            self.suspects[series] = self.suspects.get(series, 0) + 1
            before = self.open.get(series)
            if before is None and self.suspects[series] < PERSISTS:
                continue
            begins += before is None
            event = begun(verdict) if before is None else _longer(before, verdict)
            if before is None or event.peak is not before.peak:
                rows.append(_row(series, event, is_open=True))
            self.open[series] = event
        over = [series for series in self.open if series[0] == model and series not in odd]
        rows += [_row(series, self.open[series], is_open=False) for series in over]
        if rows:
            with keeping.writing(leadership):
                keeping.write_findings(rows)
        for series in over:
            del self.open[series]
        for series in [one for one in self.suspects if one[0] == model and one not in odd]:
            del self.suspects[series]
        return begins


def _odd(model: int, fields: Sequence[FieldSpec], factors: Mapping[Series, float]) -> Iterator[tuple[Series, Verdict]]:
    """Yield the series whose newest value is far from the others', with their verdicts."""
    if not fields:
        return
    parts = [blocks.Part("device_id", "int4"), blocks.Part("ts", "timestamptz")]
    parts += [blocks.Part(f"f{number}", "float8", is_optional=True) for number in range(len(fields))]
    values = [
        SQL(", CASE WHEN jsonb_typeof(values->{name}) = 'number' THEN (values->>{name})::float8 END AS {as_}").format(
            name=Literal(one.name), as_=Identifier(f"f{number}")
        )
        for number, one in enumerate(fields)
    ]
    query = SQL(
        "SELECT device_id::int4, ts{} FROM validation_latest WHERE model_id = %s "
        "AND ts BETWEEN now() - {} * interval '1 second' AND now() + interval '1 minute'"
    ).format(SQL("").join(values), Literal(FRESH_S))
    with bounded_read() as cursor:
        rows = blocks.block(cursor, query, [model], parts)
    times = (rows["ts"].astype(np.int64) + MICROS_TO_2000) / 1e6
    for number, one in enumerate(fields):
        for place, verdict in unlike_peers(times, rows[f"f{number}"].astype(np.float64), MOST).items():
            series = model, int(rows["device_id"][place]), one.name
            # Asked as sensitively as anybody wants it; how far that is for this series decides.
            far = FAR * verdict.score / (1.0 - verdict.score) / MOST * factors.get(series, 1.0)
            if far >= FAR:
                yield series, replace(verdict, score=far / (far + FAR))


def _longer(event: Event, verdict: Verdict) -> Event:
    peak = verdict if verdict.score > GROWS * event.peak.score else event.peak
    return replace(event, end=max(event.end, verdict.at), peak=peak, findings=event.findings + 1)


def _row(series: Series, event: Event, *, is_open: bool) -> Finding:
    model, device, name = series
    return keeping.finding_row((model, device), name, event, is_open=is_open, by=Finding.By.PEERS)


def _stored() -> dict[Series, Event]:
    return {
        (row.model_id, row.device_id, row.field): Event(
            row.start.timestamp(),
            row.end.timestamp(),
            Verdict(row.at.timestamp(), Kind(row.kind), row.score, row.value, row.low, row.high, row.hourly),
            row.readings,
        )
        for row in Finding.objects.filter(by=Finding.By.PEERS, open=True)
    }
