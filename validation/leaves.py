"""The single values that a model reads from a payload, each with its place: fields, halves of points, and the keys.

What compiles a model (`schema`) and what writes it down (`json_schema`) both start from these, so that they cannot
disagree about where anything stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from validation.paths import Parts, parts
from validation.spec import FieldSpec, ModelSpec, paths_of

Axis = Literal["latitude", "longitude"]
AXES: tuple[tuple[Axis, float], ...] = (("latitude", 90.0), ("longitude", 180.0))


@dataclass(frozen=True, slots=True)
class Leaf:
    """One value: where it stands, and the attribute of a reading that it becomes.

    Attributes are `t` time, `s` sequence, `d` device, `f0` … fields; a point's halves are `f0a` (latitude) and `f0b`.
    """

    attribute: str
    parts: Parts
    required: bool
    field: FieldSpec | None = None
    axis: Axis | None = None
    limit: float = 0.0  # of an axis, in degrees


Tree = dict[str, "Leaf | Tree"]  # a payload's shape: objects within objects, and the values in them


def leaves(spec: ModelSpec) -> list[Leaf]:
    """Return every value that a model reads, in the order of its fields."""
    return [*_keys(spec), *(leaf for number, field in enumerate(spec.fields) for leaf in _of_field(number, field))]


def _keys(spec: ModelSpec) -> Iterator[Leaf]:
    if spec.time_source == "payload":
        yield Leaf("t", parts(spec.time_key), required=True)
    if spec.sequence_key:
        yield Leaf("s", parts(spec.sequence_key), required=False)
    if spec.device_source == "payload":
        yield Leaf("d", parts(spec.device_key), required=True)


def _of_field(number: int, field: FieldSpec) -> Iterator[Leaf]:
    if field.kind != "point":
        yield Leaf(f"f{number}", parts(field.path or field.name), field.required, field)
        return
    for half, path, (axis, limit) in zip("ab", paths_of(field), AXES, strict=True):
        yield Leaf(f"f{number}{half}", parts(path), field.required, field, axis, limit)


def tree(found: list[Leaf]) -> Tree:
    """Return the shape of the payload that some values stand in; their places must not clash."""
    root: Tree = {}
    for leaf in found:
        node = root
        for key in leaf.parts[:-1]:
            below = node.setdefault(key, {})
            if isinstance(below, Leaf):
                raise ValueError(f"{key!r} is both a value and an object.")
            node = below
        if leaf.parts[-1] in node:
            raise ValueError(f"{leaf.parts[-1]!r} is used twice.")
        node[leaf.parts[-1]] = leaf
    return root


def is_required(item: Leaf | Tree) -> bool:
    """Tell whether a value, or anything in an object, must be there."""
    return item.required if isinstance(item, Leaf) else any(map(is_required, item.values()))
