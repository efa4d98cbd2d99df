"""The written set of questions: what is expected is right, and enough of it is answered so."""

from __future__ import annotations

import math

import pytest

from insights.questions.evaluation.filling import fill
from insights.questions.evaluation.scoring import questions, scored
from insights.tests.questions_oracle import expected as computed

QUESTIONS = {name: questions(name) for name in ("tuned", "held_out")}


@pytest.mark.parametrize("name", QUESTIONS)
def test_the_numbers_of_the_set_are_what_the_readings_come_to_in_plain_python(name: str) -> None:
    for one in QUESTIONS[name]:
        if one.query is None or one.query["kind"] == "list":
            continue
        found = computed(one.query)
        if one.outcome == "no_data":
            assert not found.get("number"), one.question
        else:
            assert found.get("winner") == one.winner
            assert found.get("by_device") == one.by_device
            assert one.number is None or math.isclose(found["number"], one.number, rel_tol=1e-9), one.question


def test_the_set_is_large_and_no_question_is_in_it_twice() -> None:
    asked = [one.question for name in QUESTIONS for one in QUESTIONS[name]]
    assert len(asked) == len(set(asked)) >= 120
    assert all(len(found) * 2 >= 0.9 * len(asked) for found in QUESTIONS.values())


@pytest.mark.django_db
def test_the_questions_that_the_grammar_was_written_with_are_answered_right_and_none_wrong() -> None:
    fill()
    judged = scored("tuned")
    assert [(one.expected.question, one.why) for one in judged if one.verdict == "wrong"] == []
    assert sum(one.verdict == "right" for one in judged) >= 0.95 * len(judged), [
        (one.expected.question, one.why) for one in judged if one.verdict != "right"
    ]


@pytest.mark.django_db
def test_questions_that_were_never_tuned_on_are_answered_as_well_as_at_their_first_run_and_none_wrong() -> None:
    fill()
    judged = scored("held_out")
    assert [(one.expected.question, one.why) for one in judged if one.verdict == "wrong"] == []
    assert sum(one.verdict == "right" for one in judged) >= 85
