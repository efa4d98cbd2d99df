"""Walk through a JSON Schema that anybody may have written: resolve references, merge, and say what is not understood.

Understood are the keywords of JSON Schema 2020-12 that a model has room for; of older drafts those that say the same.
Bounded in every direction: levels, references, values, notes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError

from validation.paths import MAX_LEVELS, Parts, fault_of_path, text_of

MAX_VALUES = 2_000  # places that are looked at
MAX_REFERENCES = 20  # that lead to one another
MAX_NOTES = 100
Schema = Mapping[str, Any]

# What is understood, or says nothing about which readings pass.
UNDERSTOOD = frozenset(
    (
        "$schema", "$id", "$anchor", "$comment", "$defs", "definitions", "$ref", "$vocabulary", "id", "title",
        "description", "default", "examples", "example", "deprecated", "readOnly", "writeOnly", "type", "enum", "const",
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "maxLength", "pattern", "format", "properties",
        "required", "additionalProperties", "allOf", "anyOf", "oneOf", "unit", "units", "nullable", "items",
        "unevaluatedProperties",
    )
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Value:
    """A place of the payloads, what the schema says of it, and whether it must be there. `schema` has no references."""

    keys: Parts
    schema: Schema
    types: frozenset[str]  # without null
    required: bool


@dataclass(slots=True)
class Walk:
    """A walk through one document; `notes` says what could not be carried over, and `closed` whether some object
    takes no further keys.
    """

    document: Schema
    notes: list[str] = field(default_factory=list)
    closed: bool = False

    def note(self, words: str) -> None:
        """Keep a sentence for people."""
        if len(self.notes) < MAX_NOTES and words not in self.notes:
            self.notes.append(words)

    def values(self) -> Iterator[Value]:
        """Yield the places that are neither objects nor arrays, outermost and first ones first."""
        root = self._resolved(self.document)
        if "array" in _types(root) and isinstance(root.get("items"), dict):
            self.note("The schema is for an array of readings; a model takes arrays of readings anyway.")
            root = self._resolved(root["items"])
        if not isinstance(root.get("properties"), dict):
            raise ValidationError("The schema has no properties, so it says nothing that a model could take over.")
        waiting: list[tuple[Parts, Schema, bool]] = [((), root, True)]
        looked_at = 0
        while waiting:
            above, schema, required = waiting.pop(0)
            self.note_keywords(above, schema)
            self.closed = self.closed or schema.get("additionalProperties") is False
            wanted = schema.get("required")
            names = set(filter(_is_text, wanted)) if isinstance(wanted, list) else set()
            for key, below in schema.get("properties", {}).items():
                looked_at += 1
                if looked_at > MAX_VALUES:
                    return self.note(f"Only the first {MAX_VALUES:,} properties were looked at.")
                value = self._value((*above, key), below, required and key in names)
                if value is None:
                    continue
                if "object" in value.types and isinstance(value.schema.get("properties"), dict):
                    waiting.append((value.keys, value.schema, value.required))
                else:
                    yield value

    def _value(self, keys: Parts, schema: Any, required: bool) -> Value | None:
        """Return what stands at a place, or None when no field can be made of it."""
        fault = fault_of_path(text_of(keys)) if all(map(_is_text, keys)) and len(keys) <= MAX_LEVELS else "too deep"
        if fault is not None:
            self.note(f"`{'.'.join(map(str, keys))[:80]}` is left out: no path leads to it.")
            return None
        if not isinstance(schema, dict):
            self.note(f"`{text_of(keys)}` is left out: its schema says nothing of it.")
            return None
        merged = self._resolved(schema)
        types = _types(merged)
        can_be_null = "null" in types or merged.get("nullable") is True or None in _listed(merged, "enum")
        return Value(keys, merged, types - {"null"}, required and not can_be_null)

    def note_keywords(self, keys: Parts, schema: Schema) -> None:
        """Say which keywords of a place are not understood."""
        where = f"`{text_of(keys)}`" if keys else "the reading as a whole"
        for keyword in schema:
            if keyword not in UNDERSTOOD and not keyword.startswith("x-"):
                self.note(f"`{keyword[:40]}` of {where} is not carried over.")

    def _resolved(self, schema: Schema) -> dict[str, Any]:
        """Return a schema with its references followed, and with the parts of allOf put together."""
        merged = dict(schema)
        for _ in range(MAX_REFERENCES):
            if "$ref" in merged:
                target = self._target(merged.pop("$ref"))
                merged = {**target, **merged}
            elif isinstance(merged.get("allOf"), list):
                merged = _joined(merged, merged.pop("allOf"))
            elif (only := self._only_choice(merged)) is not None:
                merged = only
            else:
                return merged
        self.note("References that lead to one another without end are not followed.")
        return {key: value for key, value in merged.items() if key not in ("$ref", "allOf", "anyOf", "oneOf")}

    def _target(self, reference: Any) -> Schema:
        """Return what a reference within the document leads to; nothing when it leads elsewhere."""
        found: Any = self.document
        if isinstance(reference, str) and reference.startswith("#"):
            for part in reference[1:].split("/")[1:]:
                found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
        else:
            found = None
        if not isinstance(found, dict):
            self.note(f"The reference {str(reference)[:80]!r} leads out of the document, and is not followed.")
            return {}
        return found

    def _only_choice(self, schema: Schema) -> dict[str, Any] | None:
        """Return a schema whose anyOf or oneOf has one choice apart from null; None when there is nothing to choose."""
        for keyword in ("anyOf", "oneOf"):
            choices = schema.get(keyword)
            if not isinstance(choices, list) or "properties" in schema:
                continue
            rest = {key: value for key, value in schema.items() if key != keyword}
            some = [choice for choice in choices if isinstance(choice, dict) and choice.get("type") != "null"]
            if len(some) != 1:
                self.note(f"`{keyword}` with {len(some)} choices is not carried over.")
                return rest
            null = {"nullable": True} if len(some) < len(choices) else {}
            return {**some[0], **rest, **null}
        return None


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _listed(schema: Schema, keyword: str) -> list[Any]:
    value = schema.get(keyword)
    return value if isinstance(value, list) else []


def _joined(schema: dict[str, Any], parts: list[Any]) -> dict[str, Any]:
    """Return a schema together with the parts of its allOf: properties and required add up, else the first counts."""
    for part in parts:
        if not isinstance(part, dict):
            continue
        for keyword, value in part.items():
            mine = schema.get(keyword)
            if keyword in ("properties", "$defs") and isinstance(mine, dict) and isinstance(value, dict):
                schema[keyword] = {**value, **mine}
            elif keyword in ("required", "allOf") and isinstance(mine, list) and isinstance(value, list):
                schema[keyword] = [*mine, *value]
            else:
                schema.setdefault(keyword, value)
    return schema


def _types(schema: Schema) -> frozenset[str]:
    """Return the types that a schema names, or those that its other keywords speak for."""
    named = schema.get("type")
    if isinstance(named, str):
        return frozenset((named,))
    if isinstance(named, list):
        return frozenset(filter(_is_text, named))
    if "properties" in schema:
        return frozenset(("object",))
    values = _listed(schema, "enum") or ([schema["const"]] if "const" in schema else [])
    if values:
        return frozenset(map(_type_of, values))
    if "maxLength" in schema or "pattern" in schema or "format" in schema:
        return frozenset(("string",))
    return frozenset(("number",)) if {"minimum", "maximum"} & schema.keys() else frozenset()


def _type_of(value: Any) -> str:
    kinds = {bool: "boolean", int: "integer", float: "number", str: "string", dict: "object", list: "array"}
    return kinds.get(type(value), "null")
