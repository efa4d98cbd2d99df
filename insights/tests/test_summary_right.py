"""Every number in a summary is a fact's, and every fact is what its SQL gives, over generated series."""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from django.db import connection
from hypothesis import given, settings
from hypothesis import strategies as st

from insights.facts import source
from insights.facts.fact import Fact
from insights.summaries.narration import narrate
from insights.summaries.service import summary
from insights.summaries.telling import Said
from validation.selectors import model_specs
from validation.spec import ModelSpec
from validation.tests.stored import publish_model, roll_up, store

NOW = datetime(2026, 3, 2, 11, 42, 30, tzinfo=UTC)
SPAN = timedelta(hours=100)  # of what is stored, up to now
FIELDS: tuple[dict[str, Any], ...] = (
    {"name": "warmth", "unit": "Cel", "label": "Temperature"},
    {"name": "turns", "kind": "integer", "unit": "/min"},
    {"name": "turns_total", "kind": "integer"},
    {"name": "door", "kind": "choice", "choices": ["open", "shut"]},
    {"name": "on", "kind": "boolean"},
)
NUMBER = re.compile(r"(?<![\w.])-?\d[\d,]*(?:\.\d+)?")
# What stands in a text and is no fact: clock times, dates, the window's length, names of devices and units.
NO_FACTS = re.compile(
    r"\d\d:\d\d(?: on \d+ \w+)?|the last \d+ (?:hours|days)|in the \d+ (?:hours|days) before|\b\w*_\d+\b"
)


@st.composite
def series(draw: st.DrawFn) -> dict[str, list[tuple[float, dict[str, Any]]]]:
    """Draw readings of up to three devices: a level, noise, a jump, holes; some fields missing."""
    found = {}
    for device in range(draw(st.integers(1, 3))):
        level, noise = draw(st.floats(-1e4, 1e4)), draw(st.sampled_from([0.0, 0.1, 5.0, 1e3]))
        jump, at = draw(st.sampled_from([0.0, 0.0, 3.0, -40.0])), draw(st.integers(0, 60))
        random = Random(draw(st.integers(0, 9_999)))
        places = sorted(random.sample(range(120), draw(st.integers(1, 80))))
        readings = []
        for count, place in enumerate(places):
            warmth = round(
                level + random.gauss(0, 1) * noise + (jump if place >= at else 0.0), random.choice([0, 1, 3])
            )
            values = {
                "warmth": warmth,
                "turns": round(warmth),
                "turns_total": count,
                "door": random.choice(["open", "shut"]),
            }
            kept = {name: value for name, value in values.items() if random.random() < 0.9}
            since = NOW - SPAN + SPAN * place / 120
            readings.append((since.timestamp(), {**kept, "on": bool(place % 3)}))
        found[f"van_{device}"] = readings
    return found


@pytest.mark.django_db
@settings(max_examples=12)
@given(stored=series(), read=st.sampled_from(["raw", "1m", "1h"]), one=st.booleans(), hours=st.sampled_from([24, 72]))
def test_numbers_are_facts_and_facts_are_what_their_sql_gives(
    stored: dict[str, list[tuple[float, dict[str, Any]]]], read: str, one: bool, hours: int
) -> None:
    fill(stored)
    if read != "raw":
        roll_up()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(source, "RAW_READINGS", source.RAW_READINGS if read == "raw" else 0)
        patch.setattr(source, "MINUTE_ROWS", 0 if read == "1h" else source.MINUTE_ROWS)
        made = summary(now=NOW, length=timedelta(hours=hours), model="van", device="van_0" if one else None)
    assert made.found[0].source == read
    for fact in made.facts:
        assert is_about(number_of(fact), fact.value), fact
    told = narrate(made.found)
    assert told.text == made.text
    for said in told.said:
        check(said)
    words = {said.text for said in told.said}
    assert [text for text in NUMBER.findall(NO_FACTS.sub("", told.text)) if text not in words] == [], told.text


def fill(stored: dict[str, list[tuple[float, dict[str, Any]]]]) -> ModelSpec:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # what is deferred keeps tables from being changed
        cursor.execute("DELETE FROM validation_rollupmark; DELETE FROM validation_rollupspan")
        for table in ("telemetry.van", "rollup.van_1m", "rollup.van_1h", "rollup.van_1d"):
            cursor.execute("SELECT to_regclass(%s)", [table])
            if cursor.fetchone()[0]:
                cursor.execute(f"TRUNCATE {table}")
        cursor.execute("DELETE FROM validation_latest")
    made = model_specs().get("van")
    spec = made if made is not None else publish_model(fields=FIELDS)
    for device, readings in stored.items():
        store(spec, device, readings)
    with connection.cursor() as cursor:
        cursor.execute(
            'INSERT INTO validation_rollupspan (model_id, device_id, start, "end", began) '
            "SELECT id, NULL, %s, %s, %s FROM validation_datamodel WHERE name = 'van'",
            [minute := int(NOW.timestamp() // 60) - 8_000, minute + 8_001, minute + 8_001],
        )
    return spec


def number_of(fact: Fact) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(fact.sql)
        return cursor.fetchone()[0]


def is_about(one: Any, other: Any) -> bool:
    """Tell whether two numbers are equal but for the order in which something was added up."""
    return math.isclose(float(one), float(other), rel_tol=1e-9, abs_tol=1e-7)


def check(said: Said) -> None:
    """A number that is said is the fact, rounded half a step at most."""
    value = float(said.fact.value or 0) / said.divisor
    exact = abs(value) if said.absolute else value
    assert abs(float(said.text.replace(",", "")) - exact) <= 0.5 * 10.0**-said.decimals + 1e-9, said
