"""What a data model says, as plain values: the pure core's view of it, and what a published version keeps as JSON."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

Kind = Literal["number", "integer", "boolean", "text", "choice", "timestamp"]

# Names become SQL identifiers and JSON keys. PostgreSQL cuts identifiers at 63 bytes; a model's name leaves room for
# the suffix of its daily partitions.
FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
MODEL_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}", re.ASCII)
# Columns that every telemetry table has; a field cannot take their names.
OWN_COLUMNS = ("ts", "received_at", "seq", "device_id", "version")

MAX_TEXT = 1_000  # characters of a text value unless the field says less; charts and tables show no more
MAX_INTEGER = 2**63 - 1  # what bigint holds
FIFTEEN_YEARS_S = 15 * 366 * 86_400.0
TEN_MINUTES_S = 600.0


class FieldSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One field: its name in the payload and in the table, its kind, and its limits (inclusive)."""

    name: str
    kind: Kind
    label: str = ""
    unit: str = ""  # UCUM
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    max_length: int | None = None


class ModelSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A data model: which topics it speaks for, where device, time and sequence come from, and its fields.

    `past_s` and `ahead_s` bound the event time relative to the moment of receipt, in seconds.
    """

    name: str
    topic_filter: str
    fields: tuple[FieldSpec, ...]
    device_source: Literal["topic", "payload"] = "topic"
    device_key: str = "device_id"
    time_key: str = "timestamp"
    sequence_key: str = "seq"
    require_any: bool = False
    past_s: float = FIFTEEN_YEARS_S
    ahead_s: float = TEN_MINUTES_S
    register_devices: bool = True


class Reason(msgspec.Struct, frozen=True):
    """One reason for a rejection: a stable code, where in the payload (JSON pointer), and a sentence for people."""

    code: str
    path: str
    detail: str


def faults_of_names(spec: ModelSpec) -> list[str]:
    """Return what is wrong with the names in a model, as sentences; empty when they can become a table."""
    faults = []
    if not MODEL_NAME.fullmatch(spec.name):
        faults.append(f"The model's name {spec.name!r} must be a-z, 0-9 and _, start with a letter, 48 at most.")
    seen: set[str] = {spec.time_key, spec.sequence_key}
    if spec.device_source == "payload":
        seen.add(spec.device_key)
    for field in spec.fields:
        if not FIELD_NAME.fullmatch(field.name):
            faults.append(f"The field name {field.name!r} must be a-z, 0-9 and _, start with a letter, 63 at most.")
        elif field.name in OWN_COLUMNS:
            faults.append(f"The field name {field.name!r} is one that every table has already.")
        elif field.name in seen:
            faults.append(f"The name {field.name!r} is used twice.")
        seen.add(field.name)
    return faults
