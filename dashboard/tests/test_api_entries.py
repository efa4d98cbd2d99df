"""`GET /validate`: what was validated, newest first."""

from __future__ import annotations

import pytest
from django.test import Client

from dashboard.tests.test_api_access import assert_error
from validation.tests.stored import instant, publish_model, store

T = 1_772_366_400.0


@pytest.fixture
def _fleet(db: None) -> None:
    van = publish_model()
    for device in ("van_1", "van_2"):
        store(van, device, [(T + 10 * n, {"speed": float(n)}) for n in range(5)], seen=T + 60)
    store(publish_model("room", ({"name": "warmth"},)), "kitchen", [(T + 25, {"warmth": 21.5})])


@pytest.mark.usefixtures("_fleet")
def test_entries_of_all_models_come_newest_first(as_charlie: Client) -> None:
    rows = as_charlie.get("/validate").json()
    assert len(rows) == 11
    assert [row["ts"] for row in rows] == sorted((row["ts"] for row in rows), reverse=True)
    (room,) = [row for row in rows if row["model"] == "room"]
    stamp = instant(T + 25).isoformat().replace("+00:00", "Z")
    assert room == {
        "device_id": "kitchen",
        "model": "room",
        "version": 1,
        "ts": stamp,
        "received_at": stamp,
        "seq": 0,
        "values": {"warmth": 21.5},
    }


@pytest.mark.usefixtures("_fleet")
def test_entries_are_filtered_by_model_device_and_time(as_charlie: Client) -> None:
    assert len(as_charlie.get("/validate?model=van").json()) == 10
    assert len(as_charlie.get("/validate?device=van_2").json()) == 5
    assert len(as_charlie.get("/validate?device=van_2&model=room").json()) == 0
    rows = as_charlie.get("/validate", {"device": "van_2", "since": str(T + 30)}).json()
    assert [row["values"]["speed"] for row in rows] == [4.0, 3.0]
    assert len(as_charlie.get("/validate?limit=3").json()) == 3


@pytest.mark.usefixtures("_fleet")
def test_a_filter_that_matches_nothing_that_exists_is_an_error(as_charlie: Client) -> None:
    assert "room, van" in assert_error(as_charlie.get("/validate?model=boat"), 400, "unknown_model")["detail"]
    assert_error(as_charlie.get("/validate?device=nobody"), 404, "unknown_device")
    assert_error(as_charlie.get("/validate?since=soon"), 400, "moment")
    assert_error(as_charlie.get("/validate?limit=1001"), 400, "max_value")
