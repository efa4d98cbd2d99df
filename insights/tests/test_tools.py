"""The tools that questions, the language model and other agents share: what they give, and what they never do."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.db import InternalError
from psycopg.errors import ReadOnlySqlTransaction

from ingest.models import Device
from insights.access import VIEW_READINGS
from insights.tools import TOOLS, Refused, Result, Tool, call
from insights.tools.arguments import Nothing
from insights.tools.plain import MOST_BYTES, cut, encoded
from validation.models import Latest
from validation.tests.stored import publish_model, store

pytestmark = pytest.mark.django_db


@pytest.fixture
def reader() -> User:
    user = User.objects.create_user("reader")
    for name in VIEW_READINGS:
        app, _, codename = name.partition(".")
        user.user_permissions.add(Permission.objects.get(content_type__app_label=app, codename=codename))
    return user


@pytest.fixture
def van() -> datetime:
    """Store what a van sent in the last five hours, a reading a minute; return the time now."""
    now = time.time() // 60 * 60
    readings = [(now - 60 * (300 - minute), {"speed": 40.0 + minute % 10, "gear": minute % 5}) for minute in range(300)]
    store(publish_model(), "van_1", readings)
    Device.objects.update(tags=["north"])
    Latest.objects.update(interval_s=60.0)
    return datetime.fromtimestamp(now, UTC)


CALLS: dict[str, dict[str, Any]] = {
    "list_models": {},
    "list_devices": {"contains": "van", "tag": "north"},
    "latest": {"device": "van_1"},
    "series": {"field": "van.speed", "window": "2h", "bucket": "30m"},
    "summary": {"model": "van", "window": "6h"},
    "findings": {"model": "van"},
    "ask": {"question": "average speed of van_1 in the last 2 hours"},
    "forecast": {"field": "van.speed", "device": "van_1", "horizon": "30m", "limit": 60},
    "correlation": {"first": "van.speed", "second": "van.gear", "window": "4h"},
}


@pytest.mark.parametrize("name", TOOLS)
def test_each_tool_answers_with_json_and_describes_what_it_takes(name: str, reader: User, van: datetime) -> None:
    tool = TOOLS[name]
    schema = tool.schema
    assert schema["type"] == "object"
    assert schema["additionalProperties"] is False
    assert set(CALLS[name]) <= set(schema["properties"])
    result = call(reader, name, CALLS[name], van)
    told = json.loads(encoded(result.told()))
    assert told["text"]
    if name in ("series", "summary", "ask", "forecast", "correlation"):
        assert "telemetry" in result.sql or "rollup" in result.sql


def test_numbers_of_tools_are_those_that_are_stored(reader: User, van: datetime) -> None:
    newest = call(reader, "latest", {"device": "van_1"}, van)
    assert {fact["name"]: fact["value"] for fact in newest.facts} == {"van.speed": 49.0, "van.gear": 4}
    assert newest.rows[0]["time"] == datetime.fromtimestamp(van.timestamp() - 60, UTC)
    asked = call(reader, "ask", CALLS["ask"], van)
    assert asked.facts[0]["value"] == pytest.approx(44.5)


def test_who_may_not_see_readings_gets_none_from_any_tool(van: datetime) -> None:
    stranger, gone = User.objects.create_user("stranger"), User.objects.create_superuser("gone", is_active=False)
    for asker in (stranger, gone, AnonymousUser()):
        for name, given in CALLS.items():
            with pytest.raises(Refused) as refusal:
                call(asker, name, given, van)
            assert refusal.value.code == "permission_denied"
            assert "van_1" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "given", "code"),
    [
        ("drop_tables", {}, "unknown_tool"),
        ("latest", {"device": "nobody"}, "unknown_device"),
        ("latest", {}, "arguments"),
        ("latest", {"device": "x" * 65}, "arguments"),
        ("latest", ["van_1"], "arguments"),
        ("latest", {"device": "van_1", "sql": "DROP TABLE x"}, "arguments"),
        ("series", {"field": "van.speed", "window": "for ever"}, "arguments"),
        ("series", {"field": "van.speed", "points": 1_000_000}, "arguments"),
        ("series", {"field": "auth_user.password"}, "unknown_model"),
        ("summary", {"model": "van'; --"}, "unknown_model"),
        ("ask", {"question": "x" * 501}, "arguments"),
        ("forecast", {"field": "van.speed", "device": "van_1", "horizon": "900d"}, "horizon"),
    ],
)
def test_what_is_no_call_is_refused_with_a_sentence(
    name: str, given: Any, code: str, reader: User, van: datetime
) -> None:
    with pytest.raises(Refused) as refusal:
        call(reader, name, given, van)
    assert refusal.value.code == code
    assert 10 < len(str(refusal.value)) < 600


def test_postgres_itself_refuses_a_tool_that_writes(
    reader: User, van: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(asked: Nothing, now: datetime) -> Result:
        Device.objects.create(name="made_by_a_tool")
        return Result(text="done")

    monkeypatch.setitem(TOOLS, "write", Tool("write", "", Nothing, write))
    with pytest.raises(InternalError) as error:
        call(reader, "write", {}, van)
    assert isinstance(error.value.__cause__, ReadOnlySqlTransaction)
    assert not Device.objects.filter(name="made_by_a_tool").exists()


def test_results_are_bounded_and_so_is_each_text_in_them(
    reader: User, van: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cut("a\x00\x1b[31m\u202eb" + "c" * 50, 20) == "a  [31m b" + "c" * 10 + "…"

    def many(asked: Nothing, now: datetime) -> Result:
        return Result(text="", rows=[{"value": number} for number in range(MOST_BYTES)])

    monkeypatch.setitem(TOOLS, "many", Tool("many", "", Nothing, many))
    with pytest.raises(Refused, match="more than one answer holds"):
        call(reader, "many", {}, van)
