"""What a data model says, as plain values: the pure core's view of it, and what a published version keeps as JSON."""

from __future__ import annotations

import math
import re
from typing import Literal, get_args

import msgspec

from validation.expressions import Expression
from validation.paths import Taken
from validation.patterns import MAX_TEXT_WITH_PATTERN, fault_of_pattern

Kind = Literal["number", "integer", "boolean", "text", "choice", "timestamp", "point"]
TimeUnit = Literal["s", "ms", "us", "ns"]  # UCUM; what a time that is a number counts, since 1970
TIME_UNITS: tuple[TimeUnit, ...] = get_args(TimeUnit)
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
# What ends the column of values that a number had while it was an integer.
WIDENED = "__integer"

MAX_FIELDS = 500  # a table of PostgreSQL has room for 1,600 columns, and those of old fields stay
MAX_RULES = 20  # each costs some 4 µs a reading
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
    moment of receipt, in seconds; `retention_days` bounds how long a reading is kept after its event time, and
    `rollup_…_days` how long what minutes, hours and days come to is. A message that is delivered twice is known by its
    time; where that is the moment of receipt, it is stored twice.
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
    rollup_1m_days: int | None = None
    rollup_1h_days: int | None = None
    rollup_1d_days: int | None = None
    register_devices: bool = True


class Reason(msgspec.Struct, frozen=True):
    """One reason for a rejection: a stable code, where in the payload (JSON pointer), and a sentence for people."""

    code: str
    path: str
    detail: str


def paths_of(field: FieldSpec) -> tuple[str, ...]:
    """Return the paths of the values that make a field: two of a point, its latitude's first, else one."""
    path = field.path or field.name
    if field.kind != "point":
        return (path,)
    if "," in path:
        return tuple(part.strip() for part in path.split(","))
    dot = "/" if path.startswith("/") else "."
    return f"{path}{dot}lat", f"{path}{dot}lon"


def faults_of_names(spec: ModelSpec) -> list[str]:
    """Return what is wrong with the names and paths in a model, as sentences; empty when they can become a table."""
    faults = []
    if not MODEL_NAME.fullmatch(spec.name):
        faults.append(f"The model's name {spec.name!r} must be a-z, 0-9 and _, start with a letter, 48 at most.")
    elif PARTITION_NAME.fullmatch(spec.name):
        faults.append(f"The model's name {spec.name!r} ends like that of a daily partition.")
    taken, names = Taken(), set[str]()
    faults += [fault for path in _paths_of_keys(spec) if (fault := taken.take(path))]
    for field in spec.fields:
        fault = _fault_of_name(field.name, names)
        names.add(field.name)
        faults += [fault] if fault else _faults_of_paths(field, taken)
    return faults


def _paths_of_keys(spec: ModelSpec) -> list[str]:
    """Return the paths that a model reads and that are no fields."""
    paths = [spec.time_key] if spec.time_source == "payload" else []
    paths += [spec.device_key] if spec.device_source == "payload" else []
    return paths + ([spec.sequence_key] if spec.sequence_key else [])


def _fault_of_name(name: str, others: set[str]) -> str | None:
    if not FIELD_NAME.fullmatch(name):
        return f"The field name {name!r} must be a-z, 0-9 and _, start with a letter, 63 at most."
    if name in OWN_COLUMNS or name in SYSTEM_COLUMNS:
        return f"The field name {name!r} is one that every table has already."
    if name.endswith(WIDENED):
        return f"The field name {name!r} ends like the column of what was an integer before it became a number."
    return f"The name {name!r} is used twice." if name in others else None


def _faults_of_paths(field: FieldSpec, taken: Taken) -> list[str]:
    paths = paths_of(field)
    if field.kind == "point" and len(paths) != 2:
        return [f"The point {field.name!r} needs one path, or two with a comma between: {field.path!r} has more."]
    return [fault for path in paths if (fault := taken.take(path))]


def faults_of_source(spec: ModelSpec) -> list[str]:
    """Return why a topic cannot name the device as the model wants it to, as sentences; empty when it can."""
    if spec.device_source != "topic":
        return []
    wildcards = sum(level in ("+", "#") for level in spec.topic_filter.split("/"))
    if 1 <= spec.device_level <= wildcards:
        return []
    if not wildcards:
        return [f"No + or # in the topic filter {spec.topic_filter!r} could name the device; take it from the payload."]
    return [f"The device cannot be wildcard {spec.device_level} of {spec.topic_filter!r}, which has {wildcards}."]


def faults_of_limits(spec: ModelSpec) -> list[str]:
    """Return what is wrong with limits, patterns and rules, as sentences; empty when readings can be judged by them."""
    faults = []
    if len(spec.fields) > MAX_FIELDS:
        faults.append(f"{len(spec.fields):,} fields are more than the {MAX_FIELDS} that a model can have.")
    if not (0 <= spec.past_s <= HUNDRED_YEARS_S and 0 <= spec.ahead_s <= HUNDRED_YEARS_S):
        faults.append("How old and how far ahead a reading may be must be between 0 s and a hundred years.")
    if spec.retention_days is not None and spec.retention_days < 1:
        faults.append("Readings must be kept for at least a day.")
    if any(days is not None and days < 1 for days in (spec.rollup_1m_days, spec.rollup_1h_days, spec.rollup_1d_days)):
        faults.append("Rollups must be kept for at least a day.")
    faults += [fault for field in spec.fields for fault in _faults_of_field(field)]
    strangers = [name for name in spec.any_of if name not in {field.name for field in spec.fields}]
    faults += [f"At least one of some fields must be present, and {name!r} is none of them." for name in strangers]
    return faults + _faults_of_rules(spec)


def _faults_of_field(field: FieldSpec) -> list[str]:
    faults = []
    if not all(limit is None or math.isfinite(limit) for limit in (field.minimum, field.maximum)):
        return [f"A limit of the field {field.name!r} is not a number."]
    low, high = limits_of(field)
    if low is not None and high is not None and low > high:
        faults.append(f"Nothing lies between the limits of the field {field.name!r}.")
    if field.kind == "choice" and not field.choices:
        faults.append(f"The field {field.name!r} is a choice and names none.")
    if field.kind == "timestamp" and field.unit not in ("", *TIME_UNITS):
        faults.append(f"The time {field.name!r} counts {field.unit!r}, and only {', '.join(TIME_UNITS)} can be read.")
    if field.max_length is not None and field.max_length < 1:
        faults.append(f"The field {field.name!r} leaves no room for a text.")
    return faults + (_faults_of_pattern(field) if field.pattern and field.kind == "text" else [])


def _faults_of_pattern(field: FieldSpec) -> list[str]:
    words = fault_of_pattern(field.pattern)
    if words is not None:
        return [f"The pattern of the field {field.name!r} cannot be used: it {words}."]
    if (field.max_length or 0) > MAX_TEXT_WITH_PATTERN:
        return [
            f"The field {field.name!r} has a pattern, so it can be {MAX_TEXT_WITH_PATTERN:,} characters long at most."
        ]
    return []


def _faults_of_rules(spec: ModelSpec) -> list[str]:
    if len(spec.rules) > MAX_RULES:
        return [f"{len(spec.rules)} rules are more than the {MAX_RULES} that a model can have."]
    faults = []
    for rule in spec.rules:
        try:
            expression_of(rule, spec)
        except ValueError as error:
            faults.append(f"The rule {rule.expression[:80]!r} cannot be used: {error}.")
    return faults


def expression_of(rule: Rule, spec: ModelSpec) -> Expression:
    """Return a rule of a model, compiled; raises ValueError with words for people when it cannot be used."""
    return Expression(rule.expression, {field.name: field.kind for field in spec.fields})


def limits_of(field: FieldSpec) -> tuple[float | None, float | None]:
    """Return the limits to check. Those of an integer are integers, and never beyond what its column holds."""
    if field.kind != "integer":
        return field.minimum, field.maximum
    low = MIN_INTEGER if field.minimum is None else max(MIN_INTEGER, math.ceil(field.minimum))
    high = MAX_INTEGER if field.maximum is None else min(MAX_INTEGER, math.floor(field.maximum))
    return low, high
