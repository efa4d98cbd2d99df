"""Models and readings of all sorts, drawn by hypothesis: every kind, nested places, points, patterns, rules."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st

from validation.checks import unit_of
from validation.leaves import Leaf, leaves
from validation.moments import PER_SECOND
from validation.paths import Parts, parts
from validation.spec import TIME_UNITS, FieldSpec, Kind, ModelSpec, Rule, faults_of_limits, faults_of_names
from validation.tests.judging import NOW

KINDS: tuple[Kind, ...] = ("number", "integer", "boolean", "text", "choice", "timestamp", "point", "point")
NAMES = [f"field_{number}" for number in range(4)] + ["select", "d", "t", "s", "f0", "x", "o0"]
PATHS = ["", "", "gps.lat", "gps.alt", "o0", "a.b.c", "/a.b/c~1d", "seq.x", "gps"]
POINTS = ["", "gps", "pos", "p.la, p.lo", "la, lo", "/a.b"]
PATTERNS = ["", "", "^a", "[a-c]+$", "^(a+)+$", "é|\\d"]
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8) | st.sampled_from(["a", "ab", "caa", "7é"])
DOUBLES = st.floats(allow_nan=False, allow_infinity=False)
LIMITS = st.none() | st.sampled_from([-(2.0**63), -1.5, -0.5, 0.0, 0.5, 1.0, 250.0, 2.0**53, 2.0**63]) | DOUBLES
DEGREES = st.floats(-95, 95) | st.sampled_from([90, -90, 90.1, 180, -180.5, 0])
TIMES = {
    unit: st.one_of(
        st.floats(NOW - 1e4, NOW + 500).map(count.__mul__),
        st.integers(int(NOW) - 10_000, int(NOW) + 500).map(int(count).__mul__),
        st.datetimes(datetime(2025, 1, 1), datetime(2025, 12, 31), timezones=st.just(UTC)).map(datetime.isoformat),  # noqa: DTZ001
        st.sampled_from(["2025-10-09T08:53:20Z", "yesterday", NOW, NOW * 1e3, 0, 2**32]),
    )
    for unit, count in PER_SECOND.items()
}
ANY: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-10, 300),
    st.sampled_from([2**53 + 1, 2**63 - 1, 2**63, -(2**63), 2**64, 2**70, 5.0, -0.0, 1e300, 2.0**63, [], {}, [1], "a"]),
    DOUBLES,
    DOUBLES.map(float.__round__).filter(lambda whole: abs(whole) < 2**80).map(float),
    TEXTS,
    TIMES["s"],
)
# Rules about the first two fields, and what each means in plain words.
RULES: dict[str, Callable[[Any, Any], bool]] = {
    "{0} <= {1}": lambda one, other: one <= other,
    "{0} == {1} || {0} > 5": lambda one, other: one == other or one > 5,
    "{0} != {1}": lambda one, other: one != other,
}


@st.composite
def fields(draw: st.DrawFn, name: str) -> FieldSpec:
    """Draw a field with more settings than its kind uses."""
    kind = draw(st.sampled_from(KINDS))
    return FieldSpec(
        name=name,
        kind=kind,
        path=draw(st.sampled_from(POINTS if kind == "point" else PATHS)),
        required=draw(st.booleans()),
        minimum=draw(LIMITS),
        maximum=draw(LIMITS),
        choices=tuple(draw(st.lists(TEXTS | st.just("a"), min_size=1, max_size=3, unique=True))),
        max_length=draw(st.none() | st.integers(1, 9)),
        pattern=draw(st.sampled_from(PATTERNS)),
        unit=draw(st.sampled_from(["", *TIME_UNITS])),
    )


@st.composite
def specs(draw: st.DrawFn) -> ModelSpec:
    """Draw a model that may be published."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=4, unique=True))
    rule = draw(st.none() | st.sampled_from(list(RULES)))
    spec = ModelSpec(
        name="vehicle",
        topic_filter="vehicles/+/telemetry",
        fields=tuple(draw(fields(name)) for name in names),
        device_source=draw(st.sampled_from(["topic", "payload"])),
        device_key=draw(st.sampled_from(["device_id", "meta.dev"])),
        time_source=draw(st.sampled_from(["payload", "payload", "receipt"])),
        time_key=draw(st.sampled_from(["timestamp", "Zeit ü/~", "meta.ts"])),
        time_unit=draw(st.sampled_from(["s", *TIME_UNITS])),
        sequence_key=draw(st.sampled_from(["", "seq", "meta.seq"])),
        unknown=draw(st.sampled_from(["ignore", "keep", "reject"])),
        any_of=tuple(draw(st.lists(st.sampled_from(names), unique=True))),
        rules=(Rule(rule.format(names[0], names[-1])),) if rule else (),
        retention_days=draw(st.none() | st.integers(1, 3)),
        rollup_1m_days=draw(st.none() | st.integers(1, 3)),
    )
    assume(not faults_of_names(spec))
    assume(not faults_of_limits(spec))
    return spec


@st.composite
def readings(draw: st.DrawFn, spec: ModelSpec) -> dict[str, Any]:
    """Draw a reading whose every value is mostly there and mostly right, with a key that no path names now and then."""
    reading: dict[str, Any] = {}
    for leaf in leaves(spec):
        if leaf.required or draw(st.booleans()):
            put(reading, leaf.parts, draw(ANY if draw(st.integers(0, 9)) == 9 else _right(leaf, spec)))
    if draw(st.booleans()):
        place = draw(
            st.sampled_from(["unknown", "ü", "gps", "gps.x", "meta", "meta.x", "a.b.x", "device_id", *reading])
        )
        put(reading, parts(place), draw(ANY))
    return reading


def put(reading: Any, place: Parts, value: Any) -> None:
    """Put a value at a place; where something else than an object is in the way, leave it."""
    for key in place[:-1]:
        reading = reading.setdefault(key, {})
        if not isinstance(reading, dict):
            return
    reading[place[-1]] = value


def _right(leaf: Leaf, spec: ModelSpec) -> st.SearchStrategy[Any]:
    if leaf.attribute == "t":
        return TIMES[spec.time_unit]
    if leaf.field is None:
        devices = st.sampled_from(["sensor_001", "sensor_001", "a:b", "a+b", "x" * 64, "x" * 65, ""])
        return devices if leaf.attribute == "d" else st.none() | st.integers(-1, 9)
    if leaf.axis is not None:
        return DEGREES
    field = leaf.field
    limits = st.sampled_from([limit for limit in (field.minimum, field.maximum, 1.0) if limit is not None])
    right: dict[Kind, st.SearchStrategy[Any]] = {
        "number": limits | DOUBLES,
        "integer": limits.map(round) | limits | st.integers(-10, 300),
        "boolean": st.booleans(),
        "text": TEXTS,
        "choice": st.sampled_from(field.choices),
        "timestamp": TIMES[unit_of(field)],
    }
    return right[field.kind]


def without_huge_integers(value: Any) -> Any:
    """Return a value in which integers that orjson does not write are doubles, as it reads them."""
    if isinstance(value, dict):
        return {key: without_huge_integers(item) for key, item in value.items()}
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        return float(value)
    return value
