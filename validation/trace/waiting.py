"""A reading that is in quarantine: found by the device and the time that its bytes say, because no column has it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from validation import quarantine
from validation.audit.books import named
from validation.models import Quarantined
from validation.moments import microseconds, moment
from validation.paths import parts
from validation.selectors import model_specs
from validation.spec import ModelSpec
from validation.streams import entry_id
from validation.trace.found import Found, Hop, State
from validation.trace.stored import measured

# Records that are looked into. A device may hold 10,000; the bytes bound what one trace reads.
MOST, MOST_BYTES = 10_000, 64 * 1024 * 1024
PAGE = 500
# A record that says no time, or no device, may be the one when it came this close to what was asked.
CAME_NEAR = timedelta(seconds=60)
MISSING = object()


def near(name: str, at: datetime, within: timedelta, model: str | None) -> list[Found]:
    """Return the records that say this device and a time near this one, or that say no time and came about then."""
    specs = model_specs()
    found = []
    for record in _records(name, at, model):
        spec = specs.get(record.model.name) if record.model else None
        ts, seq = said(record, spec)
        off = ((ts or record.received_at) - at).total_seconds()
        if abs(off) <= (within if ts else CAME_NEAR).total_seconds():
            found.append(_found(record, name, ts, seq, off))
    return found


def _records(name: str, at: datetime, model: str | None) -> Iterator[Quarantined]:
    """Yield the records of a device, and those of about that time that name none and stand on a topic of its name."""
    close = Q(received_at__range=(at - CAME_NEAR, at + CAME_NEAR), device="", topic__contains=name)
    rows = Quarantined.objects.filter(Q(device=name) | close).select_related("model").order_by("-id")
    if model is not None:
        rows = rows.filter(model__name=model)
    size = 0
    for place in range(0, MOST, PAGE):
        page = list(rows[place : place + PAGE])
        for record in page:
            size += len(record.payload)
            if record.device == name or name in record.topic.split("/"):
                yield record
        if len(page) < PAGE or size > MOST_BYTES:
            return


def said(record: Quarantined, spec: ModelSpec | None) -> tuple[datetime | None, int | None]:
    """Return the event time and the sequence that a record's bytes say, as its model reads them."""
    if spec is None:
        return None, None
    value = quarantine.decoded(record)
    seq = _at(value, spec.sequence_key) if spec.sequence_key else None
    number = seq if isinstance(seq, int) and not isinstance(seq, bool) else None
    if spec.time_source == "receipt":
        return record.received_at, number
    time = _at(value, spec.time_key)
    if isinstance(time, bool) or not isinstance(time, int | float | str):
        return None, number
    micros = microseconds(time, spec.time_unit)
    return (None if micros is None else moment(micros)), number


def _at(value: Any, path: str) -> Any:
    for key in parts(path):
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _found(record: Quarantined, name: str, ts: datetime | None, seq: int | None, off: float) -> Found:
    model = record.model.name if record.model else None
    found = Found(State.QUARANTINED, model, name, ts, seq, record.received_at, off, record.version, record=record.pk)
    found.reasons = list(record.reasons)
    return found


def follow(found: Found) -> None:
    """Add the hops of a record."""
    record = Quarantined.objects.filter(pk=found.record or 0).first()
    if record is None:  # replayed or discarded since it was found
        return
    entry = {"buffer": record.buffer, "entry": record.entry, "minute": record.minute, "position": record.position}
    by = f"version {record.version} of {found.model}" if found.model else "no model, because none is for its topic"
    found.hops = [measured(found)] if found.ts else []
    found.hops += [
        Hop("received", record.received_at, "by a bridge, or over HTTP", {"topic": record.topic}),
        Hop("buffered", moment(entry_id(record.entry)[0] * 1000), _counted(record), entry),
        Hop("quarantined", None, f"judged by {by}, and kept in quarantine", {"record": record.pk, "code": record.code}),
    ]


def _counted(record: Quarantined) -> str:
    place = f"message {record.position} of its entry, counted under {named(record.minute)}"
    return f"appended to a buffer, by its clock; {place}"
