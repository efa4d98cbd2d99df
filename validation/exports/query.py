"""Which readings to export: of which model, devices and time, and which of its fields."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from ingest.models import Device
from validation import tables
from validation.selectors import model_specs
from validation.spec import FieldSpec, ModelSpec

NAMES_SHOWN = 10  # of what there is, when something was asked for that is not


class Unknown(ValueError):
    """A model, field or device that there is not; which parameter named it, and in words what there is instead."""

    def __init__(self, attr: str, detail: str) -> None:
        super().__init__(detail)
        self.attr, self.detail = attr, detail


@dataclass(frozen=True, slots=True)
class RowsQuery:
    """Readings of one model, with what its table looked like when they were asked for.

    `devices` are ids, None for all; `start` and `end` are both included, None for no bound; `days` (UTC) are those of
    the table's partitions that the readings can be in, in order; `existing` are the table's columns and types.
    """

    spec: ModelSpec
    fields: tuple[FieldSpec, ...]
    devices: tuple[int, ...] | None
    start: datetime | None
    end: datetime | None
    days: tuple[date, ...]
    existing: dict[str, str]

    @property
    def extra(self) -> bool:
        """Tell whether what no field names is kept, and exported: only with all fields."""
        return self.spec.unknown == "keep" and "extra" in self.existing and self.fields == self.spec.fields


def rows_query(
    model: str,
    fields: Sequence[str] = (),
    devices: Sequence[str] = (),
    start: datetime | None = None,
    end: datetime | None = None,
    tags: Sequence[str] = (),
) -> RowsQuery:
    """Return the query for some readings; without fields all of them, without devices those of all.

    With tags only of devices that have one of them. Fields come in the order of the model. Reads the catalogue.
    Raises Unknown.
    """
    spec = _spec(model)
    existing = tables.columns(spec.name)
    days = sorted(tables.partitions(spec.name)) if existing else []
    return RowsQuery(
        spec,
        _fields(spec, fields),
        _devices(devices, tags),
        start,
        end,
        tuple(day for day in days if _within(day, start, end)),
        existing,
    )


def _spec(model: str) -> ModelSpec:
    specs = model_specs()
    if model not in specs:
        raise Unknown("model", f"There is no published model {model!r}. Published: {_some(list(specs))}.")
    return specs[model]


def _fields(spec: ModelSpec, names: Sequence[str]) -> tuple[FieldSpec, ...]:
    known = {field.name for field in spec.fields}
    for name in names:
        if name not in known:
            there_are = _some([field.name for field in spec.fields])
            raise Unknown("field", f"The model {spec.name} has no field {name!r}. It has: {there_are}.")
    return tuple(field for field in spec.fields if field.name in names) if names else spec.fields


def _devices(names: Sequence[str], tags: Sequence[str]) -> tuple[int, ...] | None:
    every = not names or "*" in names
    if every and not tags:
        return None
    found = Device.objects.filter(tags__overlap=list(tags)) if tags else Device.objects.all()
    if every:
        return tuple(found.order_by("pk").values_list("pk", flat=True))
    named = Device.objects.filter(name__in=[name for name in names if "\0" not in name])
    known = set(named.values_list("name", flat=True))
    for name in names:
        if name not in known:
            raise Unknown("device", f"There is no device {name!r}; /api/devices/status lists them.")
    return tuple(found.filter(name__in=known).order_by("pk").values_list("pk", flat=True))


def _within(day: date, start: datetime | None, end: datetime | None) -> bool:
    first = start.astimezone(UTC).date() if start else date.min
    last = end.astimezone(UTC).date() if end else date.max
    return first <= day <= last


def _some(names: Sequence[str]) -> str:
    return (", ".join(names[:NAMES_SHOWN]) or "none yet") + (", …" if len(names) > NAMES_SHOWN else "")
