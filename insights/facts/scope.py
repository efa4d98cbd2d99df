"""Find what is asked about: the models that are meant, and the devices that sent readings of them."""

from __future__ import annotations

from datetime import UTC, datetime

from django.db.models import Count

from validation.history.choosing import Subject, subjects
from validation.history.question import ALL_DEVICES, HistoryQuery, Unanswerable
from validation.models import Latest
from validation.rollups.layout import rolled_up
from validation.selectors import device_exists, model_specs
from validation.spec import ModelSpec

MOST_MODELS = 5  # of one answer about everything: those with most devices
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def subjects_of(model: str | None, device: str | None, tag: str | None) -> list[Subject]:
    """Return the models that are meant, each with its fields that have rollups and its devices.

    Without a model those that the device sent, or those with most devices. Blocks for the database. Raises Unanswerable
    for models, devices and tags that there are not.
    """
    specs = model_specs()
    if model is not None and model not in specs:
        raise Unanswerable("model", f"There is no model {model!r}. Published: {_some(specs)}.", "unknown_model")
    if device is not None and not device_exists(device):
        sentence = f"There is no device {device!r}; /api/devices/status lists them."
        raise Unanswerable("device", sentence, "unknown_device")
    names = [model] if model is not None else _models(device, tag)
    found = [subject for name in names if (subject := _subject(specs[name], device, tag))]
    if tag is not None and not any(subject.senders for subject in found):
        raise Unanswerable("tag", f"No device with the tag {tag!r} has sent readings of it.", "unknown_tag")
    return found


def _subject(spec: ModelSpec, device: str | None, tag: str | None) -> Subject | None:
    if not spec.fields:
        return None
    query = HistoryQuery(
        fields=(f"{spec.name}.{spec.fields[0].name}",),
        start=EPOCH,
        end=EPOCH,
        devices=(ALL_DEVICES if device is None else device,),
        tags=() if tag is None else (tag,),
    )
    one = subjects(query)[0]
    return Subject(spec, rolled_up(spec), one.senders)


def _models(device: str | None, tag: str | None) -> list[str]:
    """Return the models that devices sent readings of, those with most devices first."""
    rows = Latest.objects.all()
    if device is not None:
        rows = rows.filter(device__name=device)
    if tag is not None:
        rows = rows.filter(device__tags__contains=[tag])
    counts = dict(rows.values_list("model__name").annotate(Count("id")))
    return sorted(counts, key=lambda name: (-counts[name], name))[:MOST_MODELS]


def _some(specs: dict[str, ModelSpec]) -> str:
    return ", ".join(list(specs)[:10]) or "none yet"
