"""Exports and imports over the API: what they hold, what is refused, and how an import goes on."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pyarrow.parquet as pq
import pytest
from django.db import connection
from django.test import Client

from dashboard.tests.test_api_access import assert_error
from ingest.models import Device
from validation.imports import Importer
from validation.imports.sending import Door
from validation.models import Import, ImportPart
from validation.tests.conftest import Worker, worker  # noqa: F401
from validation.tests.stored import instant, publish_model, store
from validation.tests.transferring import summed

NOW = 1_772_366_400.0
READINGS = [
    (NOW + 0.25, {"speed": 0.1, "gear": 3, "braking": True, "driver": "=1+1"}),
    (NOW + 1, {"speed": 1e-7, "driver": 'Zoë, "the\nfast"', "serviced_at": instant(NOW)}),
    (NOW + 86_400, {"speed": 250.0, "braking": False, "driver": ""}),
]


pytestmark = pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")  # as the test client does
# An export reads on a connection of its own, so what it reads must be committed.
committed = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _no_telemetry_of_others(db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA IF EXISTS telemetry CASCADE")


def content(response: Any) -> bytes:
    assert response.status_code == 200, b"".join(response)
    return b"".join(response)


def rows(response: Any) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content(response).decode(), newline="")))


@committed
def test_an_export_has_every_column_at_full_precision_and_no_formula(as_charlie: Client) -> None:
    store(publish_model(), "van_1", READINGS, seen=NOW + 90_000)
    response = as_charlie.get("/api/v1/export?model=van")
    assert response["Content-Disposition"].startswith('attachment; filename="van_')
    came = "2026-03-02T13:00:00Z"
    assert rows(response) == [
        ["device", "ts", "seq", "received_at", "speed", "gear", "braking", "driver", "serviced_at"],
        ["van_1", "2026-03-01T12:00:00.25Z", "0", came, "0.1", "3", "true", "'=1+1", ""],
        ["van_1", "2026-03-01T12:00:01Z", "0", came, "1e-07", "", "", 'Zoë, "the\nfast"', "2026-03-01T12:00:00Z"],
        ["van_1", "2026-03-02T12:00:00Z", "0", came, "250", "", "false", "", ""],
    ]


@committed
def test_a_parquet_export_has_types_and_texts_as_they_are(as_charlie: Client) -> None:
    store(publish_model(), "van_1", READINGS)
    table = pq.read_table(io.BytesIO(content(as_charlie.get("/api/v1/export?model=van&format=parquet"))))
    assert table["driver"].to_pylist() == ["=1+1", 'Zoë, "the\nfast"', ""]
    assert table["ts"].to_pylist() == [instant(ts) for ts, _ in READINGS]
    assert table["speed"].to_pylist() == [0.1, 1e-7, 250.0]
    assert table["braking"].to_pylist() == [True, None, False]


@committed
def test_an_export_is_of_the_devices_fields_and_times_that_were_asked_for(as_charlie: Client) -> None:
    spec = publish_model()
    store(spec, "van_1", READINGS)
    store(spec, "van_2", READINGS[:1])
    assert [row[:2] for row in rows(as_charlie.get("/api/v1/export?field=van.gear&device=van_2"))[1:]] == [
        ["van_2", "2026-03-01T12:00:00.25Z"]
    ]
    assert rows(as_charlie.get("/api/v1/export?field=van.gear&device=van_2"))[0][4:] == ["gear"]
    span = f"&start={NOW + 1}&end={NOW + 86_400}"
    assert len(rows(as_charlie.get(f"/api/v1/export?model=van&device=*{span}"))) == 3
    assert len(rows(as_charlie.get(f"/api/v1/export?model=van&start={NOW}&duration=1s"))) == 4
    assert len(rows(as_charlie.get("/api/v1/export?model=van&end=5"))) == 1


@committed
def test_the_size_is_told_beforehand(as_charlie: Client) -> None:
    store(publish_model(), "van_1", READINGS)
    size = as_charlie.get("/api/v1/export/size?model=van").json()
    made = content(as_charlie.get("/api/v1/export?model=van"))
    assert (size["rows"], size["estimated"]) == (3, False)
    assert 0.7 * len(made) < size["bytes"] < 1.3 * len(made)
    assert as_charlie.get("/api/v1/export/size?model=van&end=5").json() == {"rows": 0, "bytes": 0, "estimated": False}


NONSENSE = [
    ("", "required", "field=vehicle.speed"),
    ("model=boat", "unknown_model", "van"),
    ("model=van&field=sped", "unknown_field", "speed"),
    ("model=van&field=room.warmth", "models", "one model"),
    ("model=van&device=nobody", "unknown_device", "status"),
    ("model=van&start=2&end=1", "span", "after"),
    ("model=van&format=xlsx", "invalid_choice", "xlsx"),
    ("model=van&filter=1", "unknown", "parameter"),
]


def test_an_export_of_what_there_is_not_says_what_there_is(as_charlie: Client) -> None:
    publish_model()
    for query, code, word in NONSENSE:
        for path in ("export", "export/size"):
            assert word in assert_error(as_charlie.get(f"/api/v1/{path}?{query}"), 400, code)["detail"]


def points(answer: Any) -> list[list[Any]]:
    """Return what a chart is given as rows of a file: every point of every series, gaps too."""
    about = ("model", "field", "unit", "device", "tag", "function", "shift_s")
    return [
        [*(line[name] for name in about), instant(point[0]), *point[1:]]
        for line in answer["series"]
        for point in line["points"]
    ]


@committed
def test_what_is_seen_is_exported_exactly_gaps_included(as_charlie: Client) -> None:
    spec = publish_model()
    Device.objects.create(name="van_1", tags=["=north"])
    readings = [(NOW + n + (600 if n > 50 else 0), {"speed": n / 3, "gear": n}) for n in range(100)]
    store(spec, "van_1", readings)
    store(spec, "van_2", readings[:10])
    span = f"start={NOW}&end={NOW + 900}"
    for query in (
        f"field=van.speed&field=van.gear&bucket=raw&{span}",
        f"field=van.speed&bucket=10s&by=tag&function=max&compare=60s&{span}",
        f"field=van.speed&bucket=raw&points=10&{span}",
    ):
        answer = as_charlie.get(f"/api/v1/series?{query}").json()
        wanted = points(answer)
        assert len(wanted) > 5
        assert any(row[8] is None for row in wanted) or "points" in query, "a gap is shown"
        table = pq.read_table(io.BytesIO(content(as_charlie.get(f"/api/v1/export?what=series&format=parquet&{query}"))))
        assert [list(row.values()) for row in table.to_pylist()] == wanted
        file = content(as_charlie.get(f"/api/v1/export?what=series&{query}"))
        found = list(csv.DictReader(io.StringIO(file.decode())))
        assert [float(row["value"]) if row["value"] else None for row in found] == [row[8] for row in wanted]
        assert {row["tag"] for row in found} <= {"", "'=north"}
        size = as_charlie.get(f"/api/v1/export/size?what=series&{query}").json()
        assert size == {"rows": len(wanted), "bytes": len(file), "estimated": False}


@committed
def test_rows_can_be_those_of_devices_with_a_tag(as_charlie: Client) -> None:
    spec = publish_model()
    for name, tags in (("van_1", ["north"]), ("van_2", ["south", "new"]), ("van_3", [])):
        Device.objects.create(name=name, tags=tags)
        store(spec, name, READINGS[:1])
    found = rows(as_charlie.get("/api/v1/export?model=van&tag=north&tag=new"))
    assert [row[0] for row in found] == ["device", "van_1", "van_2"]
    assert len(rows(as_charlie.get("/api/v1/export?model=van&tag=new&device=van_1"))) == 1


def sent(client: Client, query: str, body: bytes) -> Any:
    return client.post(f"/api/v1/imports?{query}", body, content_type="text/csv")


def work(worker: Worker, number: int) -> None:  # noqa: F811
    importer = Importer(Door(worker.ring, lambda buffer: None))
    while importer.advance(number, 0.2):
        worker.work()


def test_a_file_is_tried_and_then_imported_without_sending_it_again(worker: Worker, as_bob: Client) -> None:  # noqa: F811
    spec = publish_model()
    store(spec, "van_1", READINGS)
    publish_model("other", fields=tuple({"name": f.name, "kind": f.kind} for f in spec.fields))
    body = content(as_bob.get("/api/v1/export?model=van")) + b"van_1,2026-03-01,0,,fast,,,,\nvan_1\n"
    dry = sent(as_bob, "model=other&name=van.csv&dry_run=true", body)
    assert (dry.status_code, dry.json()["state"], dry.json()["format"]) == (202, "running", "csv"), dry.content
    number = dry.json()["id"]
    work(worker, number)
    found = as_bob.get(f"/api/v1/imports/{number}").json()
    assert [found[name] for name in ("state", "sent", "stored", "quarantined", "skipped")] == ["done", 4, 3, 1, 1]
    assert found["done_bytes"] == found["size"] == len(body)
    real = as_bob.post(f"/api/v1/imports/{number}/import", {}, content_type="application/json").json()
    work(worker, real["id"])
    found = as_bob.get(f"/api/v1/imports/{real['id']}").json()
    assert [found[name] for name in ("state", "stored", "quarantined", "in_flight")] == ["done", 3, 1, 0]
    assert summed("other") == summed("van")
    assert not ImportPart.objects.exists()
    assert as_bob.post(f"/api/v1/imports/{number}/import", {}, content_type="application/json").status_code == 409
    assert [row["id"] for row in as_bob.get("/api/v1/imports").json()["results"]] == [real["id"], number]


def test_an_upload_of_many_parts_goes_on_where_it_was_stopped(worker: Worker, as_bob: Client) -> None:  # noqa: F811
    publish_model()
    text = "x" * 900
    body = b"device,ts,speed,driver\n" + b"".join(b"van_1,%d,1,%s\n" % (NOW + n, text.encode()) for n in range(6_000))
    number = sent(as_bob, "model=van&format=csv", body).json()["id"]
    assert ImportPart.objects.filter(run=number).count() == 6
    Importer(Door(worker.ring, lambda buffer: None)).advance(number, 0)
    assert as_bob.post(f"/api/v1/imports/{number}/stop", {}, content_type="application/json").json()["sent"] > 0
    assert as_bob.post(f"/api/v1/imports/{number}/resume", {}, content_type="application/json").status_code == 202
    work(worker, number)
    assert (Import.objects.get(pk=number).state, Import.objects.get(pk=number).stored) == (Import.State.DONE, 6_000)


def test_a_file_that_cannot_be_read_is_refused_and_not_kept(as_bob: Client) -> None:
    publish_model()
    for query, body, word in (
        ("model=van&name=a.csv", b"device,when\n", "no column for ts, speed"),
        ("model=van&name=a.csv", b"", "empty"),
        ("model=van&name=a", b"device,ts,speed\n", "Say what the file"),
        ("model=van&name=a.parquet", b"PAR1", "no Parquet"),
        ("model=boat&name=a.csv", b"device,ts,speed\n", "no published model"),
        ("model=van&name=a.csv&mapping=ts", b"device,ts,speed\n", "target=column"),
    ):
        assert word in assert_error(sent(as_bob, query, body), 400)["detail"], query
    assert not Import.objects.exists()
    assert not ImportPart.objects.exists()


def test_the_document_describes_the_files(as_charlie: Client) -> None:
    paths = json.loads(as_charlie.get("/api/schema?format=json").content)["paths"]
    assert set(paths["/api/v1/export"]["get"]["responses"]["200"]["content"]) == {
        "text/csv",
        "application/vnd.apache.parquet",
    }
    assert "application/octet-stream" in paths["/api/v1/imports"]["post"]["requestBody"]["content"]
