"""Gather the facts of a model's devices over a window, in one transaction that only reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

import numpy as np
from django.db.backends.utils import CursorWrapper

from insights.facts import choices, numbers, quality, silences
from insights.facts.fact import About, Described, Fact, ModelFacts, Noticed, Window, window_until
from insights.facts.findings import noticed
from insights.facts.roles import is_told
from insights.facts.scope import subjects_of
from insights.facts.source import Origin, is_numeric, origin_of
from insights.facts.tally import Tally
from insights.zones import here
from validation.history.choosing import Subject
from validation.selectors import bounded_read
from validation.spec import FieldSpec

MOST_FIELDS = 12  # of a model; a text about more would not be read
DAY = timedelta(days=1)
LATE = 0.1  # part of a window without readings at its beginning that has to be told


@contextmanager
def reading_only() -> Iterator[CursorWrapper]:
    """Give a cursor of a transaction that cannot write, and whose statements are stopped when they take too long."""
    with bounded_read() as cursor:
        cursor.execute("SELECT set_config('transaction_read_only', 'on', true)")
        yield cursor


def facts(
    *,
    now: datetime,
    length: timedelta = DAY,
    model: str | None = None,
    device: str | None = None,
    tag: str | None = None,
) -> list[ModelFacts]:
    """Return the facts of a model, or of each that is meant, over a window that ends now.

    Without a model: of the device's models, or of those with most devices. Blocks for the database, for some ten
    statements a model of READ_TIMEOUT_MS at most. Raises history.Unanswerable and selectors.TooSlow.
    """
    window = window_until(now, length)
    return [facts_of_model(subject, window, now, device, tag, here()) for subject in subjects_of(model, device, tag)]


def facts_of_model(
    subject: Subject, window: Window, now: datetime, device: str | None, tag: str | None, zone: str
) -> ModelFacts:
    """Return the facts of some devices of one model."""
    told = [field for field in subject.fields if is_told(field)]
    with reading_only() as cursor:
        origin = origin_of(subject, device, tag, window, now)
        found, since = _all(cursor, origin, told[:MOST_FIELDS], now, device, tag, zone) if origin.pieces else ([], None)
    ids = None if device is None and tag is None else [sender.id for sender in subject.senders]
    return ModelFacts(
        about=About(model=subject.spec.name, device=device, tag=tag, devices=len(subject.senders), zone=zone),
        window=window,
        fields=tuple(map(_described, told[:MOST_FIELDS])),
        facts=tuple(found),
        noticed=noticed(subject.spec.name, ids, window) if found else (),
        source=origin.coarsest,
        recomputing=origin.recomputing,
        since=since,
        more_fields=max(0, len(told) - MOST_FIELDS),
    )


def _all(
    cursor: CursorWrapper,
    origin: Origin,
    fields: Sequence[FieldSpec],
    now: datetime,
    device: str | None,
    tag: str | None,
    zone: str,
) -> tuple[list[Fact], datetime | None]:
    measured = [field for field in fields if is_numeric(field)]
    earlier = origin_of(origin.subject, device, tag, origin.window.before(), now)
    gathering = numbers.gather(cursor, origin, earlier, measured, zone)
    readings = int(gathering.tally.whole.readings[0])
    found = list(quality.facts_of(cursor, origin, readings, len(gathering.tally.ids)))
    if not readings:
        return found, None
    for field in fields:
        if is_numeric(field):
            found += numbers.facts_of(gathering, field)
        else:
            found += choices.facts_of(cursor, origin, field)
    return [*found, *silences.facts_of(cursor, origin, now)], _since(gathering.tally)


def _since(tally: Tally) -> datetime | None:
    """Return the first bucket with readings, where at least as many without are before it as are LATE of all."""
    first = int(np.flatnonzero(tally.by_bucket.readings)[0])
    return tally.starts[first] if first >= max(1.0, LATE * len(tally.starts)) else None


def _described(field: FieldSpec) -> Described:
    return Described(field.name, field.label or field.name, field.unit, field.kind, field.minimum, field.maximum)


__all__ = ["ModelFacts", "Noticed", "facts", "facts_of_model"]
