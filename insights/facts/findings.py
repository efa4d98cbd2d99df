"""What was noticed to be odd: findings, and the sentence that each is told with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from django.db.models import Q

from insights.detection.verdict import Kind, Verdict
from insights.detection.words import clock, sentence
from insights.facts.fact import Noticed, Window
from insights.models import Finding
from insights.symbols import symbol
from insights.zones import here
from validation.selectors import model_specs
from validation.spec import FieldSpec, ModelSpec

MOST = 20  # of a window: a summary tells three, and that there are more
LONGEST_LABEL = 60  # characters of a label in a sentence


def noticed(model: str, device_ids: Sequence[int] | None, window: Window) -> tuple[Noticed, ...]:
    """Return what was noticed about devices of a model in a window, of all if None; the surest first, MOST at most.

    Blocks for the database.
    """
    rows = Finding.objects.filter(model__name=model, start__lt=window.end).filter(
        Q(end__gte=window.start) | Q(open=True)
    )
    if device_ids is not None:
        rows = rows.filter(device_id__in=device_ids)
    spec = model_specs().get(model)
    zone = ZoneInfo(here())
    return tuple(
        Noticed(
            device=row.device.name, field=row.field, start=row.start, end=row.end, sentence=sentence_of(row, spec, zone)
        )
        for row in rows.select_related("device").order_by("-score", "-start", "-id")[:MOST]
    )


def sentence_of(row: Finding, spec: ModelSpec | None, zone: tzinfo) -> str:
    """Word a finding: `Speed 143 km/h at 10:42, usually 40–95 at this hour`. Times of the day are those of the zone."""
    if row.by == Finding.By.SILENCE:
        return _silence(row, zone)
    field = field_of(row, spec)
    label = " ".join((field.label if field else "").split())[:LONGEST_LABEL] or row.field
    verdict = Verdict(row.at.timestamp(), Kind(row.kind), row.score, row.value, row.low, row.high, row.hourly)
    return sentence(verdict, label, symbol(field.unit) if field else "", zone)


def field_of(row: Finding, spec: ModelSpec | None) -> FieldSpec | None:
    """Return the field that a finding is about, None where its model has it no more."""
    return next((field for field in spec.fields if field.name == row.field), None) if spec else None


def _silence(row: Finding, zone: tzinfo) -> str:
    def at(moment: datetime) -> str:
        return clock(moment.timestamp(), zone)

    span = f"since {at(row.start)}" if row.open else f"from {at(row.start)} to {at(row.end)}"
    return f"nothing came {span}, usually something does every {_seconds(row.value)}"


def _seconds(seconds: float) -> str:
    for size, word in ((86_400.0, "days"), (3_600.0, "h"), (60.0, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.3g} {word}"
    return f"{seconds:.2g} s"
