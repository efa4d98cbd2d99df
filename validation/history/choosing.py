"""Find what a question names: the models, their fields, and the devices with how often they send."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec
from psycopg.sql import SQL

from ingest.models import Device
from validation.history.question import ALL_DEVICES, MOST_FIELDS, HistoryQuery, Unanswerable
from validation.models import ModelVersion
from validation.presence import expected_interval
from validation.selectors import rows_of
from validation.spec import FieldSpec, ModelSpec

SHOWN = 10  # names in a sentence


@dataclass(frozen=True, slots=True)
class Sender:
    """A device that sent readings of a model; `interval_s` is the seconds expected between two of them."""

    id: int
    name: str
    tags: tuple[str, ...]
    interval_s: float


@dataclass(frozen=True, slots=True)
class Subject:
    """The part of a question that is about one model; senders by name."""

    spec: ModelSpec
    fields: tuple[FieldSpec, ...]
    senders: tuple[Sender, ...]


def subjects(query: HistoryQuery) -> list[Subject]:
    """Return what a question is about, by model in the order in which they are named.

    Raises Unanswerable for models, fields and devices that there are not.
    """
    wanted = _names(query.fields)
    specs = _specs(wanted)
    names = None if ALL_DEVICES in query.devices else query.devices
    if names is not None:
        _check_devices(names)
    return [
        Subject(specs[model], _fields(specs[model], fields), _senders(model, names, query.tags))
        for model, fields in wanted.items()
    ]


def _names(fields: Sequence[str]) -> dict[str, list[str]]:
    if not fields:
        raise Unanswerable("field", "Name at least one field, as model.field: vehicle.speed.", "required")
    if len(fields) > MOST_FIELDS:
        raise Unanswerable("field", f"At most {MOST_FIELDS} fields at once.", "too_many_fields")
    found: dict[str, list[str]] = defaultdict(list)
    for name in fields:
        model, dot, field = name.partition(".")
        if not dot:
            raise Unanswerable("field", f"{name!r} names no model: write model.field, as in vehicle.speed.", "field")
        if field not in found[model]:
            found[model].append(field)
    return found


def _specs(models: dict[str, list[str]]) -> dict[str, ModelSpec]:
    """Return the newest versions of some models alone; there may be hundreds of others."""
    rows = ModelVersion.objects.filter(model__name__in=models).order_by("model__name", "-number")
    found = dict(rows.distinct("model__name").values_list("model__name", "spec"))
    for name in models:
        if name not in found:
            known = ModelVersion.objects.order_by("model__name").distinct("model__name")
            there_are = _some(known.values_list("model__name", flat=True)[: SHOWN + 1])
            raise Unanswerable("field", f"There is no model {name!r}. Published: {there_are}.", "unknown_model")
    return {name: msgspec.convert(spec, ModelSpec) for name, spec in found.items()}


def _fields(spec: ModelSpec, names: Sequence[str]) -> tuple[FieldSpec, ...]:
    known = {field.name: field for field in spec.fields}
    for name in names:
        if name not in known:
            sentence = f"There is no field {name!r}: {spec.name} has {', '.join(known)}."
            raise Unanswerable("field", sentence, "unknown_field")
    return tuple(known[name] for name in names)


def _check_devices(names: Sequence[str]) -> None:
    there = {name for (name,) in rows_of(SQL("SELECT name FROM ingest_device WHERE name = ANY(%s)"), [list(names)])}
    missing = [name for name in names if name not in there]
    if missing:
        known = _some(Device.objects.order_by("name").values_list("name", flat=True)[: SHOWN + 1])
        sentence = f"There is no device {missing[0]!r}. Known: {known}; /api/devices/status lists them."
        raise Unanswerable("device", sentence, "unknown_device")


def _senders(model: str, names: Sequence[str] | None, tags: Sequence[str]) -> tuple[Sender, ...]:
    which = [
        (SQL("l.model_id = (SELECT id FROM validation_datamodel WHERE name = %s)"), model),
        *([(SQL("d.name = ANY(%s)"), list(names))] if names is not None else []),
        *([(SQL("d.tags::text[] && %s"), list(tags))] if tags else []),
    ]
    query = SQL(
        "SELECT l.device_id, d.name, d.tags, d.expected_interval_s, l.interval_s FROM validation_latest l "
        "JOIN ingest_device d ON d.id = l.device_id WHERE {} ORDER BY d.name"
    ).format(SQL(" AND ").join(condition for condition, _ in which))
    return tuple(
        Sender(device, name, tuple(marked), expected_interval(override, learned))
        for device, name, marked, override, learned in rows_of(query, [value for _, value in which])
    )


def _some(names: Iterable[str]) -> str:
    known = list(names)
    return (", ".join(known[:SHOWN]) or "none yet") + (", …" if len(known) > SHOWN else "")
