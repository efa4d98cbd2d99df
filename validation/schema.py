"""Compile a data model: msgspec decides fast whether a reading passes, JSON Schema explains why one does not.

Both are made from the same `ModelSpec`, and a property test holds them to the same verdict. Where msgspec alone is
stricter, JSON Schema is right, because it is what the people who write devices can read: 5.0 is an integer, and of two
equal keys the last one counts (`CompiledModel.read`). Numbers are compared as the doubles that the table holds.

The names of fields never become Python names: the struct's own are f0, f1, …, and msgspec maps them to the payload's
keys. A reading is flat whatever the payload was, so that nothing downstream knows of nesting.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import jsonschema_rs
import msgspec
from msgspec import Meta

from ingest.names import DEVICE_NAME
from ingest.topics import wildcard_values
from validation.checks import Check, checks_of
from validation.flattening import flattened
from validation.json_schema import bounded, json_schema
from validation.leaves import Leaf, Tree, is_required, leaves, tree
from validation.paths import Parts, parts, pointer
from validation.patterns import LINEAR
from validation.spec import MAX_INTEGER, MAX_TEXT, FieldSpec, ModelSpec, Reason, TimeUnit, faults_of_limits, limits_of

# The end of a text is \\Z in Python, where $ also matches before a last newline, and $ in JSON Schema.
DEVICE_MSGSPEC = rf"\A{DEVICE_NAME}\Z"
DAY_S = 86_400.0
KEYS: dict[str, Any] = {
    "t": float | str,
    "s": Annotated[int, Meta(ge=0, le=MAX_INTEGER)] | None,
    "d": Annotated[str, Meta(pattern=DEVICE_MSGSPEC)],
}


@dataclass(frozen=True, slots=True)
class CompiledModel:
    """A published version, ready to judge.

    Attributes of a reading: `t` time (absent when the moment of receipt is the time), `s` sequence, `d` device, `f0` …
    fields, and `x` the JSON of what no path names when the model keeps it. A point is a pair (latitude, longitude).
    """

    spec: ModelSpec
    version: int
    decode: Callable[[bytes], Any]  # a payload into a reading; raises what `pipeline.REFUSALS` lists
    convert: Callable[[Any], Any]  # decoded JSON into a reading; raises msgspec.ValidationError
    schema: dict[str, Any]
    validator: Any
    integers: Tree  # the values that are integers
    checks: tuple[Check, ...]
    time: tuple[Parts, TimeUnit] | None  # where the time stands and what it counts; None for the moment of receipt
    device: Parts | None  # where the device stands, unless the topic names it
    oldest_s: float  # how old a reading may be: what retention would remove at once is not stored
    ahead_s: float  # how far ahead of receipt its time may be

    def device_of_topic(self, topic: str) -> str:
        """Return the part of a topic that the filter's wildcard for the device stands for."""
        values = wildcard_values(self.spec.topic_filter, topic) or ()
        level = self.spec.device_level
        return values[level - 1] if 1 <= level <= len(values) else ""

    def read(self, value: Any) -> tuple[Any, list[Reason]]:
        """Return the reading that a decoded JSON value is and no reasons, or None and its faults by place."""
        try:
            return self.convert(value), []
        except msgspec.ValidationError:
            faults = sorted(map(_reason, self.validator.iter_errors(value)), key=lambda reason: reason.path)
        if faults:
            return None, faults
        try:
            return self.convert(_with_integers(value, self.integers)), []
        except msgspec.ValidationError as error:
            return None, [Reason("not_accepted", "", str(error))]


def compile_model(spec: ModelSpec, version: int) -> CompiledModel:
    """Compile a version of a model. Costs some milliseconds; the result is for keeping.

    Raises ValueError, with sentences for people, when no reading could be judged by it.
    """
    faults = faults_of_limits(spec)
    if faults:
        raise ValueError(" ".join(faults))
    found = leaves(spec)
    shape = tree(found)
    decode, convert = flattened(_struct(shape, reject=spec.unknown == "reject"), shape, keep=spec.unknown == "keep")
    schema = json_schema(spec)
    return CompiledModel(
        spec=spec,
        version=version,
        decode=decode,
        convert=convert,
        schema=schema,
        validator=jsonschema_rs.Draft202012Validator(bounded(schema), pattern_options=LINEAR),
        integers=tree([leaf for leaf in found if _is_integer(leaf)]),
        checks=checks_of(spec),
        time=(parts(spec.time_key), spec.time_unit) if spec.time_source == "payload" else None,
        device=parts(spec.device_key) if spec.device_source == "payload" else None,
        oldest_s=spec.past_s if spec.retention_days is None else min(spec.past_s, spec.retention_days * DAY_S),
        ahead_s=spec.ahead_s,
    )


def _struct(node: Tree, *, reject: bool, inner: bool = False) -> type[msgspec.Struct]:
    """Return the type of an object in a payload; objects in it are attributes o0, o1, …"""
    members = sorted(_members(node, reject=reject), key=lambda member: len(member[1]))
    return msgspec.defstruct(
        "Reading",
        [(name, *kind) for name, kind, _ in members],
        rename={name: key for name, _, key in members},
        forbid_unknown_fields=reject,
        frozen=inner,  # so that one that is missing can be the same one for all readings
        gc=False,
    )


def _members(node: Tree, *, reject: bool) -> Iterator[tuple[str, tuple[Any, ...], str]]:
    """Yield name, type (and default, unless it must be there), and key of each member of an object."""
    for number, (key, item) in enumerate(node.items()):
        if isinstance(item, Leaf):
            kind = _type_of(item)
            yield item.attribute, (kind,) if item.required else (kind, None), key
        else:
            below = _struct(item, reject=reject, inner=True)
            yield f"o{number}", (below,) if is_required(item) else (below | None, below()), key


def _type_of(leaf: Leaf) -> Any:
    if leaf.field is None:
        return KEYS[leaf.attribute]
    plain = Annotated[float, Meta(ge=-leaf.limit, le=leaf.limit)] if leaf.axis else _field_type(leaf.field)
    return plain if leaf.required else plain | None


def _field_type(field: FieldSpec) -> Any:
    if field.kind in ("number", "integer"):
        low, high = limits_of(field)
        number = int if field.kind == "integer" else float
        return Annotated[number, Meta(ge=low, le=high)]
    if field.kind == "boolean":
        return bool
    if field.kind == "text":
        return Annotated[str, Meta(max_length=field.max_length or MAX_TEXT)]
    return Literal[field.choices] if field.kind == "choice" else float | str


def _is_integer(leaf: Leaf) -> bool:
    return leaf.attribute == "s" or (leaf.field is not None and leaf.field.kind == "integer")


def _with_integers(value: dict[str, Any], integers: Tree) -> dict[str, Any]:
    """Return an object that fits the schema with 5 where it has 5.0 for an integer."""
    return {key: _as_integer(item, integers.get(key)) for key, item in value.items()}


def _as_integer(item: Any, wanted: Leaf | Tree | None) -> Any:
    if item is None or wanted is None:
        return item
    return int(item) if isinstance(wanted, Leaf) else _with_integers(item, wanted)


def _reason(error: Any) -> Reason:
    """Return a fault that JSON Schema found, with the rule's name as its code."""
    return Reason(code=str(error.schema_path[-1]), path=pointer(*error.instance_path), detail=error.message[:500])
