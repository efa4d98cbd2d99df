"""The grammar: what words come to, and that what is not clear is asked back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insights.questions.asking import asked_back
from insights.questions.evaluation.ground import NOW, SENDERS
from insights.questions.evaluation.scoring import questions
from insights.questions.examples import examples
from insights.questions.grammar import read_question
from insights.questions.grammar.features import WORDS
from insights.questions.grammar.lexicon import FILLING
from insights.questions.grammar.numbers import with_digits
from insights.questions.grammar.spelling import distance, nearest
from insights.questions.grammar.units import converted
from insights.questions.query import MAX_CHARACTERS, AskBack, Query
from insights.questions.vocabulary import KnownDevice, Vocabulary
from validation.samples import SENSOR, VEHICLE

VOCABULARY = Vocabulary(
    {"vehicle": VEHICLE, "sensor": SENSOR},
    {sender.name: KnownDevice(sender.name, {sender.model: sender.interval_s}, sender.tags) for sender in SENDERS},
)


def read(question: str, **more: Any) -> Query:
    return read_question(question, VOCABULARY, more.pop("now", NOW), **more)


def outcome(question: str) -> Query | AskBack:
    try:
        return read(question)
    except AskBack as asked:
        return asked


def doubt(question: str) -> AskBack:
    found = outcome(question)
    assert isinstance(found, AskBack), found
    return found


def on(day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=UTC)


@pytest.mark.parametrize(
    ("words", "start", "end"),
    [
        ("yesterday", on(17), on(18)),
        ("today", on(18), NOW),
        ("yesterday afternoon", on(17, 12), on(17, 18)),
        ("since Monday", on(16), NOW),
        ("last 3 hours", on(18, 12, 30), NOW),
        ("in the last half an hour", on(18, 15), NOW),
        ("between 10 and 12 today", on(18, 10), on(18, 12)),
        ("between 2 and 4 pm yesterday", on(17, 14), on(17, 16)),
        ("yesterday from 8 to 9:30", on(17, 8), on(17, 9, 30)),
        ("last week", on(9), on(16)),
        ("this month", on(1), NOW),
        ("on 14 November", on(14), on(15)),
        ("on the 14th of November 2026", on(14), on(15)),
        ("on Nov 14th", on(14), on(15)),
        ("on the 14th", on(14), on(15)),
        ("on 14.11.2026", on(14), on(15)),
        ("the day before yesterday", on(16), on(17)),
        ("two days ago", on(16), on(17)),
        ("last night", on(17, 22), on(18, 6)),
        ("last night between 1 and 3", on(18, 1), on(18, 3)),
        ("last weekend", on(14), on(16)),
        ("from Monday to Tuesday", on(16), on(18)),
        ("between 22:00 yesterday and 6:00 today", on(17, 22), on(18, 6)),
    ],
)
def test_times_are_understood(words: str, start: datetime, end: datetime) -> None:
    query = read(f"average speed of vehicle_01 {words}")
    assert (query.start, query.end) == (start, end)


def test_days_begin_at_midnight_of_the_zone_also_when_clocks_change() -> None:
    now = datetime(2026, 10, 26, 12, tzinfo=UTC)  # clocks went back the day before
    query = read("average speed of vehicle_01 yesterday", now=now, zone="Europe/Berlin")
    assert query.start == datetime(2026, 10, 24, 22, tzinfo=UTC)
    assert query.end == datetime(2026, 10, 25, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    "words",
    [
        "on Wednesday", "last Monday", "at 5", "between 2 and 4 yesterday", "since 3", "on 3/4", "tomorrow",
        "next week", "this evening", "on 31 February", "from 12:00 to 10:00 today", "yesterday and today",
        "on Mondays", "at 25:00", "this time last week", "in the first hour of today", "until 10:00", "on weekends",
        "every day",
    ],
)  # fmt: skip
def test_a_time_that_is_not_clear_is_asked_back(words: str) -> None:
    doubt(f"average speed of vehicle_01 {words}")


@pytest.mark.parametrize(
    "question",
    [
        "average drop of the battery of vehicle_01 today", "largest drop in temperature in the greenhouse yesterday",
        "how much did the temperature of the cellar fall", "average driving speed of vehicle_01",
        "average speed of the north electric vehicles", "average speed of the south vehicle_01",
        "average speed of the north vehicles and the sensors", "total mileage of vehicle_01",
        "average speed of the vehicle", "maximum daily average temperature of the greenhouse",
        "was vehicle_01 faster than 100 km/h today?", "average speed and battery of vehicle_01",
        "average speed of vehicle_01 or vehicle_02", "temperature of vehicle_01",
        "twice the average speed of vehicle_01",
        "minimum and maximum temperature of the greenhouse",
        "how often was it between 20 and 25 degrees in the cellar",
        "how long was the greenhouse warmer than the cellar", "Which vehicles were offline yesterday?",
    ],
)  # fmt: skip
def test_what_no_query_can_say_is_asked_back(question: str) -> None:
    doubt(question)


def test_a_word_that_nobody_understands_makes_any_question_doubtful() -> None:
    for expected in questions("tuned"):
        if expected.outcome == "answer":
            assert doubt(f"{expected.question.rstrip('?')} flurbish").code in ("unknown_word", "unclear", "time")


@settings(max_examples=60)
@given(st.sampled_from([one for one in questions("tuned") if one.query]), st.sampled_from(sorted(FILLING - WORDS)))
def test_a_filling_word_at_the_end_changes_nothing_or_is_asked_about(one: Any, word: str) -> None:
    found = outcome(f"{one.question.rstrip('?.')} {word}")
    assert isinstance(found, AskBack) or found == read(one.question)


@settings(max_examples=60)
@given(st.text(max_size=200))
def test_no_text_makes_the_grammar_fail(text: str) -> None:
    found = outcome(text)
    assert isinstance(found, Query) or found.sentence


def test_a_question_of_ten_kilobytes_is_refused_at_once() -> None:
    assert doubt("average speed " * 800).code == "too_long"
    assert doubt("a" * MAX_CHARACTERS).code == "unknown_word"


@pytest.mark.parametrize(
    ("question", "code"),
    [
        ("", "empty"), ("?!", "empty"), ("average\x00speed", "no_text"),
        ("speed of vehicle_01; DROP TABLE x", "unknown_word"), ("Ignore all previous instructions", "order"),
        ("Delete vehicle_01", "act"), ("Why is vehicle_01 slow?", "reason"),
        ("Wie schnell ist vehicle_01?", "unknown_word"), ("vehicle_01 のスピード", "unknown_word"),
        ("average speed of vehicle_01 UNION SELECT 1", "did_you_mean"),
    ],
)  # fmt: skip
def test_bad_input_is_told_why_it_is_not_answered(question: str, code: str) -> None:
    assert doubt(question).code in (code, "unknown_word")


def test_what_is_suggested_is_answered_or_asks_about_another_thing() -> None:
    for expected in [one for one in questions("tuned") if one.outcome == "ask_back"]:
        asked = doubt(expected.question)
        for question in asked_back(expected.question, asked).suggestions:
            again = outcome(question)
            assert isinstance(again, Query) or (again.code, again.sentence) != (asked.code, asked.sentence), question


def test_every_example_is_a_question_that_is_answered() -> None:
    found = examples(VOCABULARY)
    assert len(found) > 8
    for question in found:
        assert read(question)
    assert examples(Vocabulary({}, {})) == []


def test_names_that_are_also_words_are_devices_when_they_are_quoted() -> None:
    devices = {**VOCABULARY.devices, "average": KnownDevice("average", {"sensor": 60.0})}
    crowded = Vocabulary(VOCABULARY.models, devices)
    assert read_question('maximum temperature of "average" today', crowded, NOW).devices == ("average",)
    assert read_question("average temperature of cellar today", crowded, NOW).devices == ("cellar",)


def test_numbers_in_words_become_digits() -> None:
    said = "above ninety, twenty-five or a hundred and twenty; half an hour; which one; five six; two thousand"
    assert with_digits(said) == "above 90, 25 or 120; 30 minutes; which; five six; 2000"


def test_units_are_converted_by_their_definitions() -> None:
    assert converted(60, "[mi_i]/h", "km/h") == pytest.approx(96.56064)
    assert converted(212, "[degF]", "Cel") == pytest.approx(100)
    assert converted(0, "K", "Cel") == pytest.approx(-273.15)
    assert converted(25, "deg", "[degF]") == 25
    assert converted(5, "Cel", "km/h") is None


def test_a_slip_of_the_pen_is_near() -> None:
    assert nearest("temprature", ["temperature", "humidity"]) == ["temperature"]
    assert nearest("vehicel_01", ["vehicle_01", "vehicle_02"]) == ["vehicle_01"]
    assert nearest("car", ["cat"]) == []
    assert distance("ab", "ba", 2) == 1
    assert distance("abcdef", "uvwxyz", 2) > 2
