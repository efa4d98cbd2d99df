"""Say how a model would have to change to fit what comes for it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import msgspec

from validation.paths import Parts, parts, text_of
from validation.propose.families import recognise
from validation.propose.fields import fields_of
from validation.propose.kinds import sure
from validation.propose.proposal import Drift, Evidence, samples_of
from validation.propose.quantities import measure
from validation.propose.traffic import MAX_MESSAGES, Message, Path, Place, Traffic, read
from validation.spec import MAX_FIELDS, MAX_TEXT, FieldSpec, ModelSpec, limits_of, paths_of

MAX_CHOICES = 100  # that a choice grows to
LONGEST_CHOICES = 1_000  # characters of all choices together, as their column holds


def changed(spec: ModelSpec, messages: Iterable[Message]) -> Drift:
    """Return a model as it would have to be for the messages that come for it, newest first, and why.

    Bounded as `propose` is. What only a person can decide (a value that physics forbids, another kind of value) is said
    and not changed.
    """
    looked_at = list(messages)[:MAX_MESSAGES]
    traffic = read(looked_at)
    changes: list[str] = []
    evidence: list[Evidence] = []
    fields = [_mended(field, traffic, changes, evidence) for field in spec.fields] if traffic.readings else spec.fields
    new = _new_fields(spec, traffic, changes)
    room = MAX_FIELDS - len(fields)
    return Drift(
        spec=msgspec.structs.replace(spec, fields=(*fields, *(field for field, _ in new[:room]))),
        changes=changes,
        evidence=[*evidence, *(shown for _, shown in new[:room])],
        samples=samples_of(looked_at),
        messages=traffic.messages,
    )


def _new_fields(spec: ModelSpec, traffic: Traffic, changes: list[str]) -> list[tuple[FieldSpec, Evidence]]:
    """Return optional fields for what the model does not name."""
    used = _used(spec)
    names = {field.name for field in spec.fields} | {text_of(path) for path in used}
    family = recognise(traffic)
    found = fields_of(traffic, family, used, names)
    new = []
    for field, shown in zip(found.specs, found.evidence, strict=True):
        changes.append(
            f"`{shown.path}` is not in the model and stood in {shown.seen:,} of {shown.of:,} readings: new optional "
            f"field `{field.name}` ({', '.join(part for part in (field.kind, field.unit) if part)})."
        )
        new.append((msgspec.structs.replace(field, required=False), shown))
    return new


def _used(spec: ModelSpec) -> list[Path]:
    """Return the places that the model speaks for."""
    used: list[Parts] = [keys for field in spec.fields for keys in _paths(field)]
    if spec.time_source == "payload":
        used.append(parts(spec.time_key))
    if spec.device_source == "payload":
        used.append(parts(spec.device_key))
    if spec.sequence_key:
        used.append(parts(spec.sequence_key))
    return used


def _paths(field: FieldSpec) -> list[Path]:
    return [parts(path) for path in paths_of(field)]


def _mended(field: FieldSpec, traffic: Traffic, changes: list[str], evidence: list[Evidence]) -> FieldSpec:
    """Return a field as it would have to be; add what changes and why."""
    said: list[str] = []
    if field.kind == "point":
        seen = min(place.seen if (place := traffic.places.get(keys)) else 0 for keys in _paths(field))
        field = _optional(field, seen, traffic, said)
    else:
        place = traffic.places.get(_paths(field)[0])
        field = _optional(field, place.seen if place else 0, traffic, said)
        if place is not None and place.seen:
            field = _fitting(field, place, said)
            if said:
                evidence.append(_evidence(field, place, traffic, said))
    changes += said
    return field


def _evidence(field: FieldSpec, place: Place, traffic: Traffic, said: Sequence[str]) -> Evidence:
    of = len(traffic.readings)
    return Evidence(
        name=field.name, path=text_of(place.path), kind=field.kind, unit=field.unit, seen=place.seen, of=of,
        sure=round(sure(place.seen, of), 4), low=place.low, high=place.high, examples=list(place.examples),
        why=" ".join(said),
    )  # fmt: skip


def _optional(field: FieldSpec, seen: int, traffic: Traffic, said: list[str]) -> FieldSpec:
    of = len(traffic.readings)
    if not field.required or seen == of:
        return field
    said.append(f"`{field.name}` is required and stood in {seen:,} of {of:,} readings only: it may be missing.")
    return msgspec.structs.replace(field, required=False)


def _fitting(field: FieldSpec, place: Place, said: list[str]) -> FieldSpec:
    if field.kind in ("number", "integer"):
        return _number(field, place, said)
    if field.kind == "choice" and place.is_text():
        return _choices(field, place, said)
    if field.kind == "text" and place.is_text():
        longest = field.max_length or MAX_TEXT
        if place.longest > longest:
            said.append(f"`{field.name}` was up to {place.longest:,} characters long: {longest:,} → {place.longest:,}.")
            return msgspec.structs.replace(field, max_length=place.longest)
        return field
    expected = {"boolean": "bool", "text": "str", "choice": "str"}.get(field.kind)
    if expected and place.kinds[expected] < place.seen:
        said.append(_other_kind(field, place))
    return field


def _other_kind(field: FieldSpec, place: Place) -> str:
    shown = ", ".join(place.examples)
    return f"`{field.name}` is a {field.kind}, and other values came ({shown}): only a person can say what is meant."


def _number(field: FieldSpec, place: Place, said: list[str]) -> FieldSpec:
    if place.low is None or place.high is None:
        said.append(_other_kind(field, place))
        return field
    if field.kind == "integer" and _has_fractions(place):
        said.append(f"`{field.name}` is an integer, and numbers with a fraction came: integer → number.")
        field = msgspec.structs.replace(field, kind="number")
    low, high = limits_of(field)
    physical = measure(place.path, Place(place.path))
    if low is not None and place.low < low:
        field = _wider(field, "minimum", low, place.low, physical.minimum, said)
    if high is not None and place.high > high:
        field = _wider(field, "maximum", high, place.high, physical.maximum, said)
    return field


def _has_fractions(place: Place) -> bool:
    """Tell whether a number came that is no integer; 5.0 is one."""
    return place.fractions > 0 or place.huge


def _wider(
    field: FieldSpec, which: str, limit: float, seen: float, physical: float | None, said: list[str]
) -> FieldSpec:
    beyond = physical is not None and (seen < physical if which == "minimum" else seen > physical)
    if beyond:
        said.append(
            f"`{field.name}` was {seen:g}, and {which} {limit:g} is what it can be at all: look at the device instead."
        )
        return field
    rounded = _rounded(seen, down=which == "minimum")
    said.append(f"`{field.name}` was {seen:g}, beyond its {which}: {limit:g} → {rounded:g}.")
    return msgspec.structs.replace(field, **{which: rounded})


def _rounded(value: float, *, down: bool) -> float:
    """Return the next number of two digits below or above: people choose such limits."""
    if value == 0 or not math.isfinite(value):
        return float(value)
    step = 10.0 ** (math.floor(math.log10(abs(value))) - 1)
    rounded = (math.floor(value / step) if down else math.ceil(value / step)) * step
    return float(f"{rounded:.12g}")


def _choices(field: FieldSpec, place: Place, said: list[str]) -> FieldSpec:
    new = [text for text, _ in place.texts.most_common() if text not in field.choices]
    fit = [text for text in new if text.strip() == text != "" and "," not in text][:MAX_CHOICES]
    total = (*field.choices, *fit)
    if not new:
        return field
    if not fit or place.other_texts or len(", ".join(total)) > LONGEST_CHOICES:
        said.append(f"`{field.name}` had {len(new)} or more other texts ({new[0][:60]!r} …): it may not be a choice.")
        return field
    said.append(f"`{field.name}` was also {', '.join(map(repr, fit[:5]))}: {len(fit)} new choices.")
    return msgspec.structs.replace(field, choices=total)
