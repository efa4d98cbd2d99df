"""History for charts: readings and buckets of several devices, fields and models, and what there is to choose from."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from dashboard.tests.test_api_access import assert_error
from ingest.models import Device
from validation.history import answering
from validation.tests.stored import instant, publish_model, roll_up, store

HOUR = 3_600
NOW = float(int(time.time()) // HOUR * HOUR)  # a whole hour, so that buckets are full


def series(client: Client, **query: Any) -> Any:
    response = client.get("/api/v1/series", query)
    assert response.status_code == 200, response.content
    return response.json()


@pytest.fixture
def fleet(db: None) -> None:
    """Two vans in the north, one of them also fast, and a room; each sent every ten seconds."""
    van, room = publish_model(), publish_model("room", ({"name": "warmth", "unit": "Cel"},))
    for number, tags in ((1, ["north", "fast"]), (2, ["north"]), (3, [])):
        times = [NOW - 600 + 10 * n for n in range(60)]
        store(van, f"van_{number}", [(ts, {"speed": number * 100.0 + n, "gear": n}) for n, ts in enumerate(times)])
        Device.objects.filter(name=f"van_{number}").update(tags=tags)
    store(room, "hall", [(NOW - 300 + n, {"warmth": 20.0}) for n in range(5)])
    roll_up()


SPAN = {"start": NOW - 600, "end": NOW - 1}


@pytest.mark.usefixtures("fleet")
def test_readings_of_several_devices_fields_and_models_share_one_time_axis(as_charlie: Client) -> None:
    found = series(as_charlie, field=["van.speed", "room.warmth", "van.gear"], **SPAN)
    assert {name: found[name] for name in ("source", "resolution", "bucket_s", "recomputing", "rows")} == {
        "source": "raw", "resolution": "raw", "bucket_s": None, "recomputing": 0, "rows": 6 * 60 + 5,
    }  # fmt: skip
    lines = {(line["model"], line["field"], line["device"]): line for line in found["series"]}
    assert len(lines) == 7
    assert lines["van", "speed", "van_2"]["points"] == [[NOW - 600 + 10 * n, 200.0 + n] for n in range(60)]
    assert lines["van", "gear", "van_3"]["points"][:2] == [[NOW - 600, 0], [NOW - 590, 1]]
    hall = lines["room", "warmth", "hall"]
    assert [point[1] for point in hall["points"]] == [20.0] * 5
    assert {name: hall[name] for name in ("label", "unit", "kind", "tag", "function", "shift_s")} == {
        "label": "warmth", "unit": "Cel", "kind": "number", "tag": None, "function": None, "shift_s": 0,
    }  # fmt: skip


@pytest.mark.usefixtures("fleet")
def test_buckets_have_the_value_the_band_and_the_count(as_charlie: Client) -> None:
    found = series(as_charlie, field="van.speed", device="van_1", bucket="5m", **SPAN)
    assert (found["bucket_s"], found["resolution"]) == (300, "5m")
    assert found["series"][0]["points"] == [[NOW - 600, 114.5, 100, 129, 30], [NOW - 300, 144.5, 130, 159, 30]]
    for function, value in {"min": 100, "max": 129, "sum": 3435, "count": 30, "first": 100, "last": 129}.items():
        points = series(as_charlie, field="van.speed", device="van_1", bucket="5m", function=function, **SPAN)
        assert points["series"][0]["points"][0][1] == value
        assert points["series"][0]["function"] == function


@pytest.mark.usefixtures("fleet")
def test_devices_are_chosen_by_tag_and_put_together_by_tag_or_all(as_charlie: Client) -> None:
    def named(**query: Any) -> dict[Any, Any]:
        found = series(as_charlie, field="van.speed", bucket="10s", **query, **SPAN)
        return {line["device"] or line["tag"]: line["points"][0] for line in found["series"]}

    assert named(tag="north").keys() == {"van_1", "van_2"}
    assert named(by="tag") == {
        "fast": [NOW - 600, 100, 100, 100, 1],
        "north": [NOW - 600, 150, 100, 200, 2],
    }
    assert named(by="tag", tag="fast").keys() == {"fast"}
    assert named(by="all") == {None: [NOW - 600, 200, 100, 300, 3]}
    assert named(by="all", function="sum", device=["van_1", "van_3"]) == {None: [NOW - 600, 400, 100, 300, 2]}


def test_an_earlier_period_lies_over_the_present_one(as_charlie: Client) -> None:
    week = 7 * 24 * HOUR
    store(publish_model(), "van_1", [(NOW - 60 - ago, {"speed": float(ago)}) for ago in (0, week)])
    found = series(as_charlie, field="van.speed", compare="7d", start=NOW - 120, end=NOW)
    assert [(line["shift_s"], line["points"]) for line in found["series"]] == [
        (0, [[NOW - 60, 0]]),
        (week, [[NOW - 60, week]]),
    ]


def test_a_silence_is_one_point_without_a_value(as_charlie: Client) -> None:
    times = [NOW - 1_800 + 10 * n for n in range(60) if not 20 <= n < 40]
    store(publish_model(), "van_1", [(ts, {"speed": 1.0}) for ts in times])
    roll_up()
    raw = series(as_charlie, field="van.speed", start=NOW - 1_800, end=NOW)["series"][0]["points"]
    assert [point for point in raw if point[1] is None] == [[NOW - 1_800 + 295, None]]
    minutes = series(as_charlie, field="van.speed", start=NOW - 1_800, end=NOW, bucket="1m")["series"][0]["points"]
    assert [(place, point) for place, point in enumerate(minutes) if point[1] is None] == [
        (4, [NOW - 1_800 + 240, None, None, None, 0])
    ]


def test_more_readings_than_points_are_thinned_and_the_answer_says_so(as_charlie: Client) -> None:
    times = [NOW - 3_000 + n for n in range(3_000)]
    store(publish_model(), "van_1", [(ts, {"speed": 99.0 if ts == NOW - 1_234 else 1.0}) for ts in times])
    found = series(as_charlie, field="van.speed", start=NOW - 3_000, end=NOW, points=100)
    points = found["series"][0]["points"]
    assert (found["rows"], found["source"]) == (3_000, "raw")
    assert 95 <= len(points) <= 100
    assert found["resolution"] == f"1 of {3_000 / len(points):.3g}"
    assert [NOW - 1_234, 99.0] in points


@pytest.mark.usefixtures("fleet")
@pytest.mark.parametrize(
    "query",
    [
        {"bucket": "raw", "device": ["van_1", "van_2"]},
        {"bucket": "5m"},
        {"bucket": "10s", "by": "tag", "tag": "north"},
        {"bucket": "1h", "by": "all", "zone": "Asia/Kolkata", "function": "sum"},
        {"bucket": "1d", "zone": "Europe/Berlin", "function": "first"},
        {"bucket": "5m", "tag": "fast", "function": "last", "field": "van.driver"},
    ],
)
def test_the_sql_shown_gives_the_same_rows(as_charlie: Client, query: dict[str, Any]) -> None:
    found = series(as_charlie, **{"field": "van.speed"} | query | SPAN)
    with connection.cursor() as cursor:
        cursor.execute(found["query"]["sql"])
        columns = [column.name for column in cursor.description]
        rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
    shown = [
        (line["device"] or line["tag"], instant(point[0]), point[1])
        for line in found["series"]
        for point in line["points"]
    ]
    at = "ts" if query["bucket"] == "raw" else "bucket"
    value = "speed" if query["bucket"] == "raw" else query.get("function", "avg")
    assert [(row.get("device", row.get("tag")), row[at], row[value]) for row in rows] == shown
    assert len(rows) == found["rows"]


ROLLED_UP = [
    ("2m", "1m", "speed", "avg"),
    ("1h", "1h", "speed", "last"),
    ("3h", "1h", "driver", "count"),
    ("1d", "1d", "speed", "sum"),
]


def test_the_sql_shown_for_buckets_out_of_a_rollup_gives_the_same_rows(as_charlie: Client) -> None:
    span = {"start": NOW - 2 * 86_400, "end": NOW - 86_400, "device": "van_1"}
    times = [NOW - 2 * 86_400 + 700 * n for n in range(120)]
    store(publish_model(), "van_1", [(ts, {"speed": n / 8, "driver": "Ada"}) for n, ts in enumerate(times)])
    roll_up()
    for bucket, source, field, function in ROLLED_UP:
        found = series(as_charlie, field=f"van.{field}", bucket=bucket, function=function, **span)
        assert found["source"] == source
        assert f'rollup"."van_{source}' in found["query"]["sql"]
        with connection.cursor() as cursor:
            cursor.execute(found["query"]["sql"])
            rows = [(at, value) for _, at, value, *_ in cursor.fetchall()]
        points = found["series"][0]["points"]
        assert rows == [(instant(point[0]), point[1]) for point in points if point[1] is not None]


NONSENSE = [
    ("", "required", "required"),
    ("field=speed", "field", "model.field"),
    ("field=boat.speed", "unknown_model", "Published: room, van"),
    ("field=van.sped", "unknown_field", "speed, gear"),
    ("field=van.speed&device=van_9", "unknown_device", "hall, van_1"),
    ("field=van.speed&bucket=often", "duration", "90s"),
    ("field=van.speed&bucket=0.5s", "bucket", "one second"),
    ("field=van.speed&bucket=1s&duration=90d", "too_many_buckets", "longer"),
    ("field=van.speed&bucket=raw&by=all", "bucket", "by=device"),
    ("field=van.speed&function=first&by=all", "function", "by=device"),
    ("field=van.speed&zone=Mars/Base", "zone", "Europe/Berlin"),
    ("field=van.speed&zone=../../etc/passwd", "zone", "Europe/Berlin"),
    ("field=van.speed&points=9", "min_value", "10"),
    ("field=van.speed&points=5001", "max_value", "5000"),
    ("field=van.speed&by=colour", "invalid_choice", "colour"),
    ("field=van.speed&start=2&end=1", "span", "after"),
    ("field=van.speed&compare=0", "duration", "90s"),
    ("field=van.speed&colour=red", "unknown", "There are: field, device"),
    ("field=van.speed&device=%00", "null_characters_not_allowed", "Null"),
    ("&".join(f"field=van.f{n}" for n in range(11)), "max_length", "10"),
]


@pytest.mark.usefixtures("fleet")
def test_a_question_that_has_no_answer_is_told_what_would(as_charlie: Client) -> None:
    for query, code, word in NONSENSE:
        error = assert_error(as_charlie.get(f"/api/v1/series?{query}"), 400, code)
        assert word in error["detail"], (query, error)


@pytest.mark.usefixtures("fleet")
def test_more_series_or_readings_than_anybody_can_read_are_refused(
    as_charlie: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "MOST_SERIES", 2)
    assert_error(as_charlie.get("/api/v1/series?field=van.speed"), 400, "too_many_series")
    monkeypatch.setattr(answering, "MAX_READINGS", 100)
    query: dict[str, Any] = {"field": "van.speed", "bucket": "raw", "device": ["van_1", "van_2"]}
    response = as_charlie.get("/api/v1/series", query | SPAN)
    assert "more than 100" in assert_error(response, 400, "too_many_readings")["detail"]


@pytest.mark.usefixtures("fleet")
def test_there_are_options_to_choose_from(as_charlie: Client) -> None:
    found = as_charlie.get("/api/v1/series/options").json()
    assert [(model["name"], model["devices"], len(model["fields"])) for model in found["models"]] == [
        ("room", 1, 1), ("van", 3, 5),
    ]  # fmt: skip
    assert found["models"][0]["fields"] == [{"name": "warmth", "label": "warmth", "unit": "Cel", "kind": "number"}]
    assert (found["tags"], found["more_devices"]) == (["fast", "north"], False)
    assert found["devices"][1] == {"name": "van_1", "model": "van", "tags": ["north", "fast"]}
    less = as_charlie.get("/api/v1/series/options?q=VAN&limit=2&tag=north&model=van").json()
    assert [device["name"] for device in less["devices"]] == ["van_1", "van_2"]
    assert not less["more_devices"]
    assert as_charlie.get("/api/v1/series/options?q=an_&limit=1").json()["more_devices"]


def test_an_admin_sets_tags_and_finds_devices_by_them(alice: User) -> None:
    client = Client()
    client.force_login(alice)
    van = Device.objects.create(name="van_1")
    Device.objects.create(name="van_2", tags=["south"])
    page = f"/admin/ingest/device/{van.pk}/change/"
    assert client.post(page, {"name": "van_1", "tags": "north, hall-2,north"}).status_code == 302
    van.refresh_from_db()
    assert van.tags == ["north", "hall-2"]
    refused = client.post(page, {"name": "van_1", "tags": "no/slash"}).context["adminform"].form.errors
    assert "letters, digits" in str(refused["tags"])
    listed = client.get("/admin/ingest/device/?tag=north").content.decode()
    assert "van_1" in listed
    assert "van_2" not in listed
    assert "van_2" in client.get("/admin/ingest/device/?q=sou").content.decode()


@pytest.mark.usefixtures("fleet")
def test_the_answer_is_as_the_schema_says(as_charlie: Client) -> None:
    described = as_charlie.get("/api/schema?format=json").json()["components"]["schemas"]
    found = series(as_charlie, field="van.speed")
    assert described["SeriesAnswer"]["properties"].keys() == found.keys()
    assert described["OneSeries"]["properties"].keys() == found["series"][0].keys()
    assert found["query"]["api"] == "/api/v1/series?field=van.speed"
