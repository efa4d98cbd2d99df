"""Which column of a file becomes what of a reading."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from validation.catalog import IS_DEVICE
from validation.exports.columns import HELD, LATITUDE, LONGITUDE, Holds
from validation.imports.reader import Refused
from validation.spec import TIME_UNITS, ModelSpec, TimeUnit

# What the columns that are no field are called, by this software first and then by others.
COMMON = {
    "device": ("device", "device_id", "device_name"),
    "ts": ("ts", "timestamp", "time", "_time", "datetime", "date"),
    "seq": ("seq", "sequence"),
    "extra": ("extra",),
}
NOT_READ = ("received_at",)  # of an export: it is now that an import is received
SHOWN = 20  # columns that a sentence names


class Target(NamedTuple):
    """Something of a reading that a column may give: its name, what it holds, its leaf, whether it must be there."""

    name: str
    holds: Holds
    attribute: str  # as `validation.leaves` has it; x for what no field names
    required: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What to make of a file: for each target its column, by place; a device for all rows; the columns not read."""

    targets: tuple[tuple[Target, int], ...]
    device: str | None
    unit: TimeUnit  # what a time that is a number counts
    unread: tuple[str, ...]


def targets_of(spec: ModelSpec) -> list[Target]:
    """Return all that a column can be for a model."""
    found = [Target("device", "name", "d", required=True), Target("ts", "time", "t", required=True)]
    found.append(Target("seq", "integer", "s", required=False))
    for number, field in enumerate(spec.fields):
        if field.kind == "point":
            found.append(Target(field.name + LATITUDE, "number", f"f{number}a", field.required))
            found.append(Target(field.name + LONGITUDE, "number", f"f{number}b", field.required))
        else:
            holds: Holds = field.kind if field.kind in ("number", "integer") else HELD[field.kind]
            found.append(Target(field.name, holds, f"f{number}", field.required))
    return found + ([Target("extra", "json", "x", required=False)] if spec.unknown == "keep" else [])


def plan_of(
    spec: ModelSpec, columns: Sequence[str], mapping: Mapping[str, str], device: str = "", unit: str = "s"
) -> Plan:
    """Return the plan for a file with these columns. `mapping` names the column of a target where that is another one.

    `device` is the device of all rows, for a file that has no column for it. Raises Refused.
    """
    known = next((one for one in TIME_UNITS if one == unit), None)
    if known is None:
        raise Refused(f"A time counts one of {', '.join(TIME_UNITS)}, and not {unit!r}.")
    if device and not IS_DEVICE.fullmatch(device):
        raise Refused(f"{device[:80]!r} cannot name a device: letters, digits and _ . : - only, 64 at most.")
    targets = targets_of(spec)
    _check_mapping(mapping, {target.name for target in targets}, columns)
    places = {column: place for place, column in enumerate(columns)}
    chosen = [(target, places[column]) for target in targets if (column := _column(target.name, mapping, places))]
    if device:
        chosen = [(target, place) for target, place in chosen if target.name != "device"]
    given = {target.name for target, _ in chosen} | ({"device"} if device else set())
    missing = [target.name for target in targets if target.required and target.name not in given]
    if missing:
        there_are = ", ".join(columns[:SHOWN]) + (", …" if len(columns) > SHOWN else "")
        raise Refused(f"The file has no column for {', '.join(missing)}. Its columns are: {there_are}. Name them.")
    read = {place for _, place in chosen}
    unread = tuple(name for place, name in enumerate(columns) if place not in read and name not in NOT_READ)
    return Plan(tuple(chosen), device or None, known, unread)


def wanted_of(spec: ModelSpec, mapping: Mapping[str, str]) -> list[str]:
    """Return the names of what to read from a file that does not say beforehand what it has."""
    names = [mapping.get(target.name, target.name) for target in targets_of(spec) if target.name != "ts"]
    return list(dict.fromkeys([*mapping.values(), *names]))


def _column(target: str, mapping: Mapping[str, str], places: Mapping[str, int]) -> str | None:
    if target in mapping:
        return mapping[target]
    return next((name for name in COMMON.get(target, (target,)) if name in places), None)


def _check_mapping(mapping: Mapping[str, str], targets: set[str], columns: Sequence[str]) -> None:
    for target, column in mapping.items():
        if target not in targets:
            raise Refused(
                f"There is no {target[:80]!r} to read a column into. There are: {', '.join(sorted(targets))}."
            )
        if column not in columns:
            raise Refused(f"The file has no column {column[:80]!r}. Its columns are: {', '.join(columns[:SHOWN])}.")
