"""Answers in a language model's words: what they rest on, and that a model which obeys every injection does no harm."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard.tests.conftest import by_token
from dashboard.tests.test_api_access import assert_error
from dataflow.lib.language_model import LanguageModel
from ingest.models import Device
from insights.language import counting, talking
from insights.tests.fake_model import INJECTIONS, FakeModel, fake_model
from validation.models import DataModel, Latest, ModelVersion
from validation.tests.stored import VAN_FIELDS, publish_model, store

pytestmark = pytest.mark.django_db
QUESTION = "How is my van doing, all in all?"
CONNECTED: list[Any] = []


def _hook(event: str, args: tuple[Any, ...]) -> None:
    if event == "socket.connect":
        CONNECTED.append(args[1])
    elif event == "socket.getaddrinfo":
        CONNECTED.append(args[:2])


sys.addaudithook(_hook)  # a hook of Python stays until its process ends; this one only notes


@pytest.fixture
def model(settings: Any) -> Iterator[FakeModel]:
    with fake_model() as server:
        settings.LANGUAGE_MODEL = LanguageModel(server.url, "fake", "")
        yield server


@pytest.fixture
def van() -> None:
    keep("", "")


def keep(where: str, text: str) -> str:
    """Store a reading of a van with an injection in one of the places where strangers' texts stand; return its name."""
    fields = [dict(field) for field in VAN_FIELDS]
    if where == "label":
        fields[0]["label"] = text
    device = text if where == "device" else "van_1"
    values = {"speed": 41.5, "gear": 3} | ({"driver": text} if where == "text" else {})
    store(publish_model(fields=tuple(fields)), device, [(time.time() - 20, values)])
    Device.objects.filter(name=device).update(tags=[text] if where == "tag" else [])
    Latest.objects.update(interval_s=60.0)
    return device


def ask(client: Client, engine: str = "auto", question: str = QUESTION) -> Any:
    return client.post("/ai/ask", {"question": question, "engine": engine}, content_type="application/json")


def test_an_honest_model_answers_what_the_grammar_would_ask_back(
    as_charlie: Client, van: None, model: FakeModel
) -> None:
    answer = ask(as_charlie).json()
    assert (answer["engine"], answer["note"]) == ("language_model", "")
    assert answer["answer"] == "The newest speed of van_1 is 41.5 km/h."
    assert [one["name"] for one in answer["query"]["typed"]["tools"]] == ["list_models", "list_devices", "latest"]
    assert {"name": "van.speed", "value": 41.5, "unit": "km/h"} in answer["facts"]
    assert any(row.get("device") == "van_1" for row in answer["rows"])
    assert set(answer) == set(ask(as_charlie, "grammar").json())


def test_what_the_grammar_understands_needs_no_model_unless_it_is_chosen(
    as_charlie: Client, van: None, model: FakeModel
) -> None:
    assert ask(as_charlie, question="current speed of van_1").json()["engine"] == "grammar"
    assert model.bodies == []
    assert ask(as_charlie, "language_model", "current speed of van_1").json()["engine"] == "language_model"


def test_without_a_model_the_grammar_answers_and_says_so_where_one_was_wanted(as_charlie: Client, van: None) -> None:
    assert ask(as_charlie).json()["note"] == ""
    answer = ask(as_charlie, "language_model", "current speed of van_1").json()
    assert (answer["engine"], answer["outcome"]) == ("grammar", "answer")
    assert "LLM_URL" in answer["note"]


def counts() -> tuple[int, ...]:
    return tuple(model.objects.count() for model in (Device, DataModel, ModelVersion, Latest, User))


@pytest.mark.parametrize("injection", INJECTIONS, ids=[str(number) for number in range(len(INJECTIONS))])
def test_an_injection_that_is_obeyed_leads_nowhere(
    injection: dict[str, Any], as_charlie: Client, model: FakeModel
) -> None:
    model.device = keep(injection["where"], injection["text"])
    before = counts()
    CONNECTED.clear()
    with CaptureQueriesContext(connection) as queries:
        answer = ask(as_charlie).json()
    assert model.seen, "the model has met the injection"
    assert answer["engine"] == "grammar"
    assert answer["outcome"] == "ask_back"
    assert "language model" in answer["note"]
    said = [deed["say"] for deed in injection["obeys"] if "say" in deed]
    assert not any(text in answer["answer"] for text in said)
    assert len(model.bodies) <= talking.MOST_STEPS
    assert counts() == before
    written = ("insert into", "update ", "delete from", "copy ", "alter ", "drop ", "create ")
    own = ("knox_", "django_session")
    assert not [
        query["sql"]
        for query in queries
        if query["sql"].lower().startswith(written) and not any(name in query["sql"] for name in own)
    ]
    ports = {address[1] for address in CONNECTED if isinstance(address, tuple)}
    hosts = {address[0] for address in CONNECTED if isinstance(address, tuple)}
    assert hosts <= {"127.0.0.1", "localhost", "::1"}
    assert ports <= {model.server_port, *own_ports()}
    heard = str(model.bodies)
    for secret in ("pbkdf2", "md5$", "password =", "knox_authtoken.", "charlie@"):
        assert secret not in heard


def own_ports() -> set[Any]:
    """Return the ports of the services that every request uses."""
    return {urlsplit(url).port for url in (settings.REDIS_URL, settings.DATABASE_URL)}


def test_who_may_not_see_readings_does_not_reach_the_model(van: None, model: FakeModel) -> None:
    nobody = User.objects.create_user("nobody")
    for engine in ("auto", "language_model"):
        assert_error(ask(by_token(nobody), engine), 403, "permission_denied")
    assert model.bodies == []


def test_a_server_that_fails_changes_no_feature(as_charlie: Client, van: None, model: FakeModel) -> None:
    for quirk in ("broken", "redirect", "html", "endless"):
        model.quirk = quirk
        answer = ask(as_charlie, "language_model", "current speed of van_1").json()
        assert (answer["engine"], answer["outcome"]) == ("grammar", "answer")
        assert "its server gave no answer" in answer["note"]


def test_a_user_has_so_many_calls_a_day_and_one_question_at_a_time(
    as_charlie: Client, charlie: User, van: None, model: FakeModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert counting.begin(charlie.pk)
    assert "your last question" in ask(as_charlie).json()["note"]
    counting.end(charlie.pk)
    monkeypatch.setattr(counting, "CALLS_A_DAY", 2)
    before = counting.figures()
    assert ask(as_charlie).json()["engine"] == "language_model"
    assert "used up" in ask(as_charlie).json()["note"]
    after = counting.figures()
    assert after["calls:answered"] - before["calls:answered"] == 2
    assert after["answers:limited"] - before["answers:limited"] == 1
    assert after["tokens"] - before["tokens"] == 100
    metrics = as_charlie.get("/metrics").content.decode()
    assert f'dataflow_language_model_answers_total{{outcome="limited"}} {after["answers:limited"]}\n' in metrics
    assert Client().get("/metrics").status_code == 401


def test_a_summary_is_reworded_only_where_its_numbers_hold(as_charlie: Client, van: None, model: FakeModel) -> None:
    plain = as_charlie.get("/ai/summary?device=van_1").json()
    assert (plain["engine"], "note" in plain) == ("template", False)
    model.say = lambda body: {"content": "The speed of van_1 was 41.5 km/h."}  # type: ignore[method-assign]
    worded = as_charlie.get("/ai/summary?device=van_1&engine=language_model&window=2h").json()
    assert (worded["engine"], worded["summary"]) == ("language_model", "The speed of van_1 was 41.5 km/h.")
    model.say = lambda body: {"content": "The speed of van_1 was 51.5 km/h."}  # type: ignore[method-assign]
    wrong = as_charlie.get("/ai/summary?device=van_1&engine=language_model&window=3h").json()
    assert wrong["engine"] == "template"
    assert "51.5" not in wrong["summary"]
    assert "not in the data" in wrong["note"]
