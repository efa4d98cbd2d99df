"""Conditions in CEL: what they may say, what they say of readings, and that none of them holds a worker."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from validation.expressions import MAX_CHARACTERS, Expression

KINDS = {
    "a": "number",
    "b": "number",
    "speed": "number",
    "gear": "integer",
    "count": "integer",
    "on": "boolean",
    "text": "text",
    "mode": "choice",
    "start": "timestamp",
    "end": "timestamp",
    "position": "point",
    "size": "number",
    "type": "text",
    "r": "text",
}
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "values", "holds"),
    [
        ("a < b", {"a": 1.0, "b": 2.0}, True),
        ("a > 5", {"a": 5.0}, False),
        ("a > gear", {"a": 5.5, "gear": 5}, True),
        ("a == gear", {"a": 5.0, "gear": 5}, True),
        ("speed * 2 + 1 > b", {"speed": 5.0, "b": 10.5}, True),
        ("a in [1, 2]", {"a": 2.0}, True),
        ("gear % 2 == 0", {"gear": 3}, False),
        ("double(gear) / 2.0 == a", {"gear": 3, "a": 1.5}, True),
        ("!on || speed > 0", {"on": True, "speed": 0.0}, False),
        ("on ? a > 1 : a < 1", {"on": False, "a": 0.0}, True),
        ("mode in ['eco', 'line 5'] && a * 2 > 1", {"mode": "line 5", "a": 1.0}, True),
        ('text == "speed"', {"text": "speed"}, True),
        ("size(text) > size", {"text": "four", "size": 3.0}, True),
        ("text.startsWith('x') && text.endsWith('y')", {"text": "xy"}, True),
        ("r == r'a'", {"r": "a"}, True),
        ("end > start", {"end": NOON, "start": NOON}, False),
        ("end - start < duration('1h')", {"end": NOON, "start": NOON - timedelta(minutes=59)}, True),
        ("start > timestamp('2026-01-01T00:00:00Z')", {"start": NOON}, True),
        ("start.getHours() < 12", {"start": NOON}, False),
    ],
)
def test_a_condition_holds_or_not(expression: str, values: dict[str, Any], holds: bool) -> None:
    compiled = Expression(expression, KINDS)
    assert set(compiled.names) == values.keys()
    assert compiled.fault(values) == (None if holds else "does not hold")


@pytest.mark.parametrize(
    ("expression", "values", "words"),
    [
        ("gear + 1 > count", {"gear": 2**63 - 1, "count": 0}, "overflow"),
        ("gear / count > 1", {"gear": 1, "count": 0}, "divide by zero"),
        ("gear % count > 1", {"gear": 1, "count": 0}, "modulus by zero"),
        ("gear / count > 1", {"gear": -(2**63), "count": -1}, "overflow"),
        ("gear % count > 1", {"gear": -(2**63), "count": -1}, "overflow"),
        ("-gear > 1", {"gear": -(2**63)}, "overflow"),
        ("int(a) > 1", {"a": 1e300}, "range"),
        ("timestamp('soon') > start", {"start": NOON}, "cannot be evaluated"),
        ("start + duration('9999h') > end", {"start": datetime.max.replace(tzinfo=UTC), "end": NOON}, "evaluated"),
    ],
)
def test_what_cannot_be_evaluated_is_a_fault_and_no_crash(expression: str, values: dict[str, Any], words: str) -> None:
    assert words in (Expression(expression, KINDS).fault(values) or "")


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        ("", "0 fields"),
        ("1 < 2", "0 fields"),
        ("a", "gives DOUBLE"),
        ("a >", "Syntax error"),
        ("a > nope", "nothing here is called 'nope'"),
        ("a > text", "'>' cannot take a number and a text, at character 3"),
        ("gear + a > 1", "'+' cannot take an integer and a number"),
        ("a == null", "cannot take"),
        ("position > 1", "'position' is a point"),
        ("a > timestamp", "nothing here is called 'timestamp'"),
        ("on && a.b", "cannot be the operand"),
        ("type == 'x'", "0 fields"),
        ("a > 1 // always", "must not have //"),
        ("text == 'it\\'s'", "must not have \\"),
        ("text == '''x'''", "must not have '''"),
        ("text == '\ud800'", "surrogates"),
        ("a" * (MAX_CHARACTERS + 1), "501 characters"),
        (" && ".join(f"f{n}" for n in range(21)), "21 fields"),
    ],
)
def test_what_is_no_condition_is_refused_in_words(expression: str, words: str) -> None:
    kinds = KINDS | {f"f{n}": "boolean" for n in range(21)}
    with pytest.raises(ValueError, match=re.escape(words)):
        Expression(expression, kinds)


HOSTILE = [
    "text.matches('(a+)+$')",
    "text.matches(mode)",
    "text.contains(mode)",
    "text + text == text",
    "[text] + [text] == [text]",
    "[text, 1][0] + [text, 1][0] == text",
    "{'a': text, 'b': 1}['a'] + text == text",
    "google.protobuf.Value{string_value: text} + google.protobuf.Value{string_value: text} == text",
    "dyn(text) + dyn(text) == text",
    "string(a) == text",
    "[1, 2].all(x, x > 0) && on",
    "[1, 2].exists(x, x > 0) && on",
    "[1, 2].exists_one(x, x > 0) && on",
    "[1, 2].map(x, x > 0) == [on]",
    "[1, 2].filter(x, x > 0) == [gear]",
    "has(a.b) && on",
    "cel.bind(x, text, x == x)",
    "start.getHours(text) > 1",
    "duration(text) > duration('1h')",
    "timestamp('' == text ? text : text) > start",
    "timestamp (text) > start",
    "bytes(text) == b'a'",
    "type(text) == type(mode)",
    "(" * 200 + "on" + ")" * 200,
    "on ? on : " * 45 + "on",
    "[" * 200 + "on" + "]" * 200,
    "a + " * 100 + "a > 1.0",
    "text == text // ' \n + google.protobuf.Value{} // '",
]


@pytest.mark.parametrize("expression", HOSTILE)
def test_what_could_hold_a_worker_is_refused_at_once(expression: str) -> None:
    began = time.perf_counter()
    with pytest.raises(ValueError, match=r"."):
        Expression(expression, KINDS)
    assert time.perf_counter() - began < 0.1


@pytest.mark.parametrize(
    "expression",
    [
        "!" * 490 + "on",
        "on && " * 80 + "on",
        "true || " * 60 + "on",
        "text in [" + "mode, " * 78 + "mode]",
        "text < mode || " * 30 + "on",
        "text.startsWith(mode) || " * 18 + "on",
        "size(text) == size(mode) || " * 16 + "on",
    ],
)
def test_the_longest_condition_takes_a_moment_also_for_the_longest_texts(expression: str) -> None:
    compiled = Expression(expression, KINDS)
    values: dict[str, Any] = {"text": "a" * 250_000 + "x", "mode": "a" * 250_000 + "y", "on": True}
    began = time.perf_counter()
    compiled.fault({name: values[name] for name in compiled.names})
    assert time.perf_counter() - began < 0.1
