"""`manage.py ask`."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone

from validation.tests.stored import publish_model, store

pytestmark = pytest.mark.django_db


def ask(question: str, *options: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = 0
    try:
        call_command("ask", question, *options, stdout=out, stderr=err)
    except SystemExit as end:
        code = int(end.code or 0)
    return code, out.getvalue(), err.getvalue()


@pytest.fixture
def _van() -> None:
    now = timezone.now().timestamp()
    store(publish_model(), "van_1", [(now - 60, {"speed": 48.25}), (now - 30, {"speed": 51.75})])


@pytest.mark.usefixtures("_van")
def test_an_answer_goes_to_standard_output_and_the_query_to_standard_error() -> None:
    code, out, err = ask("average speed of van_1 in the last hour")
    assert code == 0
    assert "50 km/h (2 readings)" in out
    assert "device=van_1  readings=2  average=50" in out
    assert '"kind": "average"' in err
    assert "FROM (SELECT device_id" in err


@pytest.mark.usefixtures("_van")
def test_a_program_gets_all_that_the_api_would_say() -> None:
    code, out, _ = ask("speed of van_1", "--json")
    answer: dict[str, Any] = json.loads(out)
    assert code == 0
    assert answer["facts"][0]["value"] == 51.75
    assert answer["rows"][0]["device"] == "van_1"


@pytest.mark.usefixtures("_van")
def test_a_doubtful_question_is_asked_back_with_exit_code_1() -> None:
    code, out, _ = ask("average of van_1 today")
    assert code == 1
    assert "Which field do you mean" in out
    assert "– speed?" in out
