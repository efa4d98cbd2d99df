"""`manage.py summary`."""

from __future__ import annotations

import json
import time
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from validation.tests.stored import publish_model, store

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("summary", *arguments, stdout=out)
    return out.getvalue()


def test_it_prints_the_text_or_json_with_the_facts() -> None:
    store(publish_model(), "van_1", [(time.time() - 600 + place, {"speed": 50.0 + place % 3}) for place in range(100)])
    text = run("--model", "van", "--window", "1h")
    assert "Average speed remained stable at 51 km/h with minor fluctuations between 50 km/h and 52 km/h." in text
    found: dict[str, Any] = json.loads(run("--model", "van", "--window", "1h", "--json"))
    assert found.keys() == {"summary", "facts", "generated_at", "engine"}
    assert found["summary"] in text


@pytest.mark.parametrize("arguments", [("--window", "soon"), ("--model", "boat"), ("--device", "ghost")])
def test_wrong_usage_is_told_as_that(arguments: tuple[str, ...]) -> None:
    publish_model()
    with pytest.raises(CommandError) as refused:
        run(*arguments)
    assert refused.value.returncode == 2
