"""Regular expressions from people: linear in time, or refused."""

from __future__ import annotations

import time

import pytest

from validation.patterns import MAX_TEXT_WITH_PATTERN, fault_of_pattern, matcher
from validation.spec import FieldSpec, ModelSpec
from validation.tests.judging import VEHICLE_TOPIC, catalog_of, codes, judged, vehicle


def within(seconds: float, began: float) -> bool:
    return time.perf_counter() - began < seconds


@pytest.mark.parametrize("pattern", ["(a+)+$", "^(a|a)*$", "^(a|aa)+$", "(.*.*)*x$", r"^(\w+\s?)+$", "(a?){30}a{30}$"])
def test_a_pattern_that_holds_other_engines_for_ever_is_done_at_once(pattern: str) -> None:
    assert fault_of_pattern(pattern) is None
    found = matcher(pattern)
    began = time.perf_counter()
    found("a" * 50 + "!")
    found("a" * MAX_TEXT_WITH_PATTERN + "!")
    assert within(0.1, began)


def test_the_worst_pattern_that_is_accepted_takes_milliseconds_for_the_longest_text() -> None:
    pattern = next(p for n in range(1000, 0, -100) if fault_of_pattern(p := f"(0|1)*1(0|1){{{n}}}x") is None)
    found = matcher(pattern)
    began = time.perf_counter()
    found("01" * (MAX_TEXT_WITH_PATTERN // 2))
    assert within(0.1, began)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("(?=a)b", "looks around"),
        ("(?<!a)b", "looks around"),
        (r"(a)\1", "refers back"),
        ("(a{500}){500}", "too big"),
        ("((a{1000}){1000}){1000}", "far too big"),
        ("[a", "no regular expression"),
        ("a{2", "no regular expression"),
        ("(", "no regular expression"),
        ("\ud800", "no regular expression"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused_in_words_and_soon(pattern: str, words: str) -> None:
    began = time.perf_counter()
    fault = fault_of_pattern(pattern)
    assert within(0.5, began)
    assert words in (fault or "")


PLATE = ModelSpec(
    name="vehicle",
    topic_filter="vehicles/+/telemetry",
    fields=(FieldSpec(name="plate", kind="text", path="car.plate", pattern="[A-Z]{2}-[0-9]+"),),
)


@pytest.mark.parametrize(
    ("plate", "passes"), [("BE-1", True), ("my BE-1 here", True), ("be-1", False), ("", False), (None, True)]
)
def test_a_text_must_contain_a_match(plate: str | None, passes: bool) -> None:
    judgement = judged(catalog_of(PLATE), VEHICLE_TOPIC, vehicle(car={"plate": plate}))
    assert bool(judgement.rows) == passes
    if not passes:
        (reason,) = judgement.rejected[0].reasons
        assert (reason.code, reason.path) == ("pattern", "/car/plate")


def test_a_text_beyond_its_length_is_not_searched_at_all() -> None:
    pattern = "(0|1)*1(0|1){400}x"
    spec = ModelSpec(
        name="vehicle", topic_filter=PLATE.topic_filter, fields=(FieldSpec(name="a", kind="text", pattern=pattern),)
    )
    catalog = catalog_of(spec)
    began = time.perf_counter()
    assert codes(judged(catalog, VEHICLE_TOPIC, vehicle(a="01" * 100_000))) == [["maxLength"]]
    assert within(0.2, began)
