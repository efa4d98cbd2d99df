"""Findings and states, written together: whoever goes on from a stored state has all findings up to there."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from django.db import transaction

from ingest.leader import Leadership, fenced
from insights.detection.events import Event
from insights.models import Finding, SeriesState
from insights.watching.state import Key, Watched
from validation.moments import moment

EACH = 500  # rows of one statement
CHANGING = (
    "end", "kind", "at", "value", "low", "high", "hourly", "score", "readings", "open",
)  # fmt: skip
UNIQUE = ("device", "model", "field", "by", "start")
STATE = ("first", "ts", "seq", "readings", "learning_until", "state")


@contextmanager
def writing(leadership: Leadership | None) -> Iterator[None]:
    """Open a transaction in which nobody else can take the watch over; raise ingest.leader.Deposed if somebody has."""
    if leadership is None:
        with transaction.atomic():
            yield
    else:
        with fenced(leadership):
            yield


def finding_row(key: Key, field: str, event: Event, *, is_open: bool, by: Finding.By) -> Finding:
    """Return an event as a row."""
    peak, (model, device) = event.peak, key
    return Finding(
        model_id=model,
        device_id=device,
        field=field,
        by=by,
        kind=peak.kind.value,
        start=instant(event.start),
        end=instant(event.end),
        at=instant(peak.at),
        value=peak.value,
        low=peak.low,
        high=peak.high,
        hourly=peak.hourly,
        score=peak.score,
        readings=event.findings,
        open=is_open,
    )


def write_findings(rows: Iterable[Finding]) -> None:
    """Write events, over those that begin with the same reading. To be called in a transaction."""
    Finding.objects.bulk_create(
        rows, batch_size=EACH, update_conflicts=True, unique_fields=UNIQUE, update_fields=CHANGING
    )


def write_states(states: Mapping[Key, Watched]) -> None:
    """Write what is known of some devices. To be called in a transaction, after their findings."""
    SeriesState.objects.bulk_create(
        [_row(key, state) for key, state in states.items()],
        batch_size=EACH,
        update_conflicts=True,
        unique_fields=("model", "device"),
        update_fields=STATE,
    )
    now = time.monotonic()
    for state in states.values():
        state.saved_at, state.is_changed = now, False


def places() -> dict[Key, Watched]:
    """Return how far each device was looked at, without its series."""
    rows = SeriesState.objects.values_list("model_id", "device_id", "first", "ts", "seq", "readings", "learning_until")
    return {
        (model, device): Watched(micros(first), micros(ts), seq, readings, micros(until) if until else None)
        for model, device, first, ts, seq, readings, until in rows.iterator(chunk_size=5_000)
    }


def fill(states: Mapping[Key, Watched], model: int, fields: list[str]) -> None:
    """Read the series of those devices of a model whose series are not there."""
    lacking = {device: state for (of, device), state in states.items() if of == model and state.series is None}
    rows = SeriesState.objects.filter(model_id=model, device_id__in=list(lacking)).values_list("device_id", "state")
    for device, packed in rows if lacking else ():
        lacking[device].unpack(bytes(packed), fields)
    for state in lacking.values():
        if state.series is None:
            state.series = {}


def _row(key: Key, state: Watched) -> SeriesState:
    model, device = key
    return SeriesState(
        model_id=model,
        device_id=device,
        first=moment(state.first),
        ts=moment(state.micros),
        seq=state.seq,
        readings=state.readings,
        learning_until=None if state.learning_until is None else moment(state.learning_until),
        state=state.packed(),
    )


def instant(seconds: float) -> datetime:
    """Return seconds since 1970 as a time."""
    return moment(round(seconds * 1e6))


def micros(at: datetime) -> int:
    """Return a time as microseconds since 1970."""
    return round(at.timestamp() * 1e6)
