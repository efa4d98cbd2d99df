"""Make fields of what stood at the places of some payloads, each with the evidence for it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from validation.paths import text_of
from validation.propose.families import Family, Hint
from validation.propose.kinds import REQUIRED, decide, sure
from validation.propose.points import Pair, pairs
from validation.propose.proposal import Evidence
from validation.propose.traffic import Path, Place, Traffic
from validation.propose.words import field_name, label, words_of
from validation.spec import MAX_FIELDS, FieldSpec

LONGEST_TEXT = 4_000  # characters; longer ones are documents or pictures, not values
TOLD = 5  # places that one note names
NO_HINT = Hint()


@dataclass(slots=True)
class Fields:
    """Fields with their evidence, and what is worth knowing about what became none."""

    specs: list[FieldSpec] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def fields_of(traffic: Traffic, family: Family | None, used: Collection[Path], reserved: Collection[str]) -> Fields:
    """Return the fields of some traffic, without the places that are used otherwise and the names that are reserved."""
    found = Fields()
    places = _usable(traffic, family, used, found.notes)
    points = {pair.latitude.path: pair for pair in pairs(traffic, places)}
    second = {pair.longitude.path for pair in points.values()}
    chosen = [place for place in places if place.path not in second][:MAX_FIELDS]
    if len(places) - len(second) > len(chosen):
        found.notes.append(f"More than {MAX_FIELDS} values; those that came most often were taken.")
    outer = _wrappers(family, [place.path for place in chosen])
    taken = set(reserved)
    for place in chosen:
        hint = (family.hint(text_of(place.path)) if family else None) or NO_HINT
        pair = points.get(place.path)
        name = hint.name if hint.name and pair is None else ""
        inner = pair.name if pair else place.path
        name = field_name((name,) if name else _without(inner, outer), taken)
        taken.add(name)
        spec, evidence = _of_pair(name, pair, traffic) if pair else _of_place(name, place, hint, traffic)
        found.specs.append(spec)
        found.evidence.append(evidence)
    return found


def _usable(traffic: Traffic, family: Family | None, used: Collection[Path], notes: list[str]) -> list[Place]:
    """Return the places that can be fields, in the order in which they came; say which cannot, and why."""
    kept = set()
    mixed, both, long = [], [], []
    candidates = [place for place in traffic.places.values() if place.seen and place.path not in used]
    for place in sorted(candidates, key=lambda place: -place.seen)[: 2 * MAX_FIELDS]:
        hint = family.hint(text_of(place.path)) if family else None
        if hint is not None and hint.skip:
            continue
        if sum((place.kinds["int"] + place.kinds["float"] > 0, place.kinds["bool"] > 0, place.kinds["str"] > 0)) > 1:
            mixed.append(place)
        elif place.longest > LONGEST_TEXT:
            long.append(place)
        elif not traffic.holds_values(place.path):
            both.append(place)
        else:
            kept.add(place.path)
    _tell(notes, mixed, "sometimes of one kind and sometimes of another, which no field can be")
    _tell(notes, both, "sometimes a value and sometimes an object or an array, there or above, which no field can be")
    _tell(notes, long, f"longer than {LONGEST_TEXT:,} characters, which is no value to keep")
    return [place for place in traffic.places.values() if place.path in kept]


def _tell(notes: list[str], places: Sequence[Place], words: str) -> None:
    if places:
        named = ", ".join(f"`{text_of(place.path)}`" for place in places[:TOLD])
        more = f" and {len(places) - TOLD} more" if len(places) > TOLD else ""
        notes.append(f"{named}{more}: {words}.")


def _wrappers(family: Family | None, paths: Sequence[Path]) -> Collection[str] | Path:
    """Return the leading keys that names leave out: those of the family, or those that all paths share."""
    if family is not None and family.wrappers:
        return frozenset(family.wrappers)
    shared = min(paths, key=len, default=())[:-1] if len(paths) > 1 else ()
    while shared and any(path[: len(shared)] != shared for path in paths):
        shared = shared[:-1]
    return shared


def _without(path: Path, outer: Collection[str] | Path) -> Path:
    """Return a path without leading keys, of which a set may stand in any order, and at least its last key."""
    if isinstance(outer, tuple):
        return path[len(outer) :] or path[-1:]
    start = 0
    while start < len(path) - 1 and path[start] in outer:
        start += 1
    return path[start:]


def _of_place(name: str, place: Place, hint: Hint, traffic: Traffic) -> tuple[FieldSpec, Evidence]:
    decision = decide(place, hint if hint is not NO_HINT else None)
    path = text_of(place.path)
    spec = FieldSpec(
        name=name,
        kind=decision.kind,
        path="" if path == name else path,
        label=hint.label or label(name, 0 if hint.name else decision.ending),
        description=hint.description,
        unit=decision.unit,
        required=_is_required(place.seen, traffic),
        minimum=decision.minimum,
        maximum=decision.maximum,
        choices=decision.choices,
        max_length=decision.max_length,
    )
    evidence = Evidence(
        name=name, path=path, kind=spec.kind, unit=spec.unit, seen=place.seen, of=len(traffic.readings),
        sure=round(sure(place.seen, len(traffic.readings)), 4), low=place.low, high=place.high,
        examples=list(place.examples), why=decision.why,
    )  # fmt: skip
    return spec, evidence


def _of_pair(name: str, pair: Pair, traffic: Traffic) -> tuple[FieldSpec, Evidence]:
    required = _is_required(pair.seen, traffic)
    words = [word for key in pair.name for word in words_of(key)]
    spec = FieldSpec(
        name=name, kind="point", path="" if pair.path == name else pair.path, required=required,
        label="Position" if words in (["position"], ["location"], ["gps"]) else label(name),
    )  # fmt: skip
    evidence = Evidence(
        name=name, path=pair.path, kind="point", unit="", seen=pair.seen, of=len(traffic.readings),
        sure=round(sure(pair.seen, len(traffic.readings)), 4), examples=pair.examples,
        why="latitude and longitude next to each other",
    )  # fmt: skip
    return spec, evidence


def _is_required(seen: int, traffic: Traffic) -> bool:
    of = len(traffic.readings)
    return seen == of and sure(seen, of) >= REQUIRED
