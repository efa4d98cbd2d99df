"""What a data model says, as plain values: the pure core's view of it, and what a published version keeps as JSON."""

from __future__ import annotations

import math
import re
from typing import Literal

import msgspec

Kind = Literal["number", "integer", "boolean", "text", "choice", "timestamp", "point"]
TimeUnit = Literal["s", "ms", "us", "ns"]  # UCUM; what a time that is a number counts, since 1970
Unknown = Literal["ignore", "keep", "reject"]

# Names become SQL identifiers and JSON keys. PostgreSQL cuts identifiers at 63 bytes; a model's name leaves room for
# the suffix of its daily partitions.
FIELD_NAME = re.compile(r"[a-z][a-z0-9_]{0,62}", re.ASCII)
MODEL_NAME = re.compile(r"[a-z][a-z0-9_]{0,47}", re.ASCII)
# A model of such a name would be taken for a daily partition of another one.
PARTITION_NAME = re.compile(r".*_p[0-9]{8}", re.ASCII)
# Columns that every telemetry table has; a field cannot take their names.
OWN_COLUMNS = ("ts", "received_at", "seq", "device_id", "version", "extra")
# Columns that PostgreSQL gives every table (its manual, "System Columns").
SYSTEM_COLUMNS = ("cmax", "cmin", "ctid", "tableoid", "xmax", "xmin")
# Keys of a payload are compared as they stand in it, so they hold nothing that JSON writes as an escape.
KEY = re.compile(r'[^"\\\x00-\x1f]{1,63}')

MAX_FIELDS = 500  # a table of PostgreSQL has room for 1,600 columns, and those of old fields stay
MAX_TEXT = 1_000  # characters of a text value unless the field says otherwise
MIN_INTEGER, MAX_INTEGER = -(2**63), 2**63 - 1  # what bigint holds
HUNDRED_YEARS_S = 100 * 366 * 86_400.0
FIFTEEN_YEARS_S = 15 * 366 * 86_400.0
TEN_MINUTES_S = 600.0


class FieldSpec(msgspec.Struct, frozen=True, kw_only=True):
    """One field: its name in the table, where it stands in the payload, its kind, and its limits (inclusive).

    `path` is a place in the payload as `validation.paths` reads it; empty, it is the name. A point is an object with
    `lat` and `lon`, or two paths with a comma between: the latitude's, then the longitude's.
    """

    name: str
    kind: Kind
    path: str = ""
    label: str = ""
    description: str = ""
    unit: str = ""  # UCUM; of a timestamp that comes as a number: s (as when empty), ms, us or ns
    required: bool = False
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    max_length: int | None = None
    pattern: str = ""  # a regular expression that a text must contain a match of


class Rule(msgspec.Struct, frozen=True):
    """A condition across fields, in CEL; checked only where every field that it names is present."""

    expression: str
    message: str = ""  # what to say of a reading that breaks it; empty, the expression itself


class ModelSpec(msgspec.Struct, frozen=True, kw_only=True):
    """A data model: which topics it speaks for, where device, time and sequence come from, and its fields.

    `device_key`, `time_key` and `sequence_key` are paths. `past_s` and `ahead_s` bound the event time relative to the
    moment of receipt, in seconds; `retention_days` bounds how long a reading is kept after its event time.
    """

    name: str
    topic_filter: str
    fields: tuple[FieldSpec, ...]
    device_source: Literal["topic", "payload"] = "topic"
    device_level: int = 1  # which wildcard of the filter names the device, from 1
    device_key: str = "device_id"
    time_source: Literal["payload", "receipt"] = "payload"
    time_key: str = "timestamp"
    time_unit: TimeUnit = "s"
    sequence_key: str = "seq"
    unknown: Unknown = "ignore"  # what becomes of keys that the model does not name; kept ones go to column extra
    any_of: tuple[str, ...] = ()  # fields of which at least one must be present
    rules: tuple[Rule, ...] = ()
    past_s: float = FIFTEEN_YEARS_S
    ahead_s: float = TEN_MINUTES_S
    retention_days: int | None = None  # None keeps everything
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
    elif PARTITION_NAME.fullmatch(spec.name):
        faults.append(f"The model's name {spec.name!r} ends like that of a daily partition.")
    seen: set[str] = set()
    for key in _keys(spec):
        if not KEY.fullmatch(key):
            faults.append(f"The key {key!r} must be 1 to 63 characters without quotes, \\ or line breaks.")
        elif key in seen:
            faults.append(f"The key {key!r} is used twice.")
        seen.add(key)
    for field in spec.fields:
        if not FIELD_NAME.fullmatch(field.name):
            faults.append(f"The field name {field.name!r} must be a-z, 0-9 and _, start with a letter, 63 at most.")
        elif field.name in OWN_COLUMNS or field.name in SYSTEM_COLUMNS:
            faults.append(f"The field name {field.name!r} is one that every table has already.")
        elif field.name in seen:
            faults.append(f"The name {field.name!r} is used twice.")
        seen.add(field.name)
    return faults


def faults_of_limits(spec: ModelSpec) -> list[str]:
    """Return what is wrong with the numbers in a model, as sentences; empty when readings can be judged by them."""
    faults = []
    if len(spec.fields) > MAX_FIELDS:
        faults.append(f"{len(spec.fields):,} fields are more than the {MAX_FIELDS} that a model can have.")
    if not (0 <= spec.past_s <= HUNDRED_YEARS_S and 0 <= spec.ahead_s <= HUNDRED_YEARS_S):
        faults.append("How old and how far ahead a reading may be must be between 0 s and a hundred years.")
    return faults + [fault for field in spec.fields for fault in _faults_of_field(field)]


def _keys(spec: ModelSpec) -> list[str]:
    """Return the keys of a payload that are not fields."""
    keys = [spec.time_key] + ([spec.device_key] if spec.device_source == "payload" else [])
    return keys + ([spec.sequence_key] if spec.sequence_key else [])


def _faults_of_field(field: FieldSpec) -> list[str]:
    faults = []
    if not all(limit is None or math.isfinite(limit) for limit in (field.minimum, field.maximum)):
        return [f"A limit of the field {field.name!r} is not a number."]
    low, high = limits_of(field)
    if low is not None and high is not None and low > high:
        faults.append(f"Nothing lies between the limits of the field {field.name!r}.")
    if field.kind == "choice" and not field.choices:
        faults.append(f"The field {field.name!r} is a choice and names none.")
    if field.max_length is not None and field.max_length < 1:
        faults.append(f"The field {field.name!r} leaves no room for a text.")
    return faults


def limits_of(field: FieldSpec) -> tuple[float | None, float | None]:
    """Return the limits to check. Those of an integer are integers, and never beyond what its column holds."""
    if field.kind != "integer":
        return field.minimum, field.maximum
    low = MIN_INTEGER if field.minimum is None else max(MIN_INTEGER, math.ceil(field.minimum))
    high = MAX_INTEGER if field.maximum is None else min(MAX_INTEGER, math.floor(field.maximum))
    return low, high


def pointer(*parts: str | int) -> str:
    """Return a JSON pointer (RFC 6901) to a place in a payload."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)
