"""The whole data path on a running stack: from a device, or somebody's hand, to the API."""

from __future__ import annotations

import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from dataflow.bench.processes import memory_by_kind
from tests.oracle import Load
from tests.project import eventually
from tests.stack import RunningStack
from tests.visitor import Person, Program

VEHICLES = [f"vehicle_{number:02d}" for number in range(1, 11)]
MEMORY_LIMIT = 1_000_000_000  # bytes, all processes together
REPLAYED = 1_000


@pytest.fixture
def mosquitto_pub(stack: RunningStack) -> list[str]:
    program = shutil.which("mosquitto_pub")
    if program is None:
        pytest.skip("mosquitto_pub is not installed (apt-get install mosquitto-clients)")
    host, port = stack.mqtt311
    return [program, "-h", host, "-p", str(port), "-q", "1"]


def published(command: list[str], device: str, payload: str) -> None:
    """Publish one message as somebody does by hand."""
    subprocess.run([*command, "-t", f"vehicles/{device}/telemetry", "-m", payload], check=True, timeout=30)


OUTCOMES = """
SELECT (SELECT count(*) FROM telemetry.vehicle JOIN ingest_device d ON d.id = device_id WHERE d.name = %s),
       (SELECT count(*) FROM validation_quarantined WHERE device = %s)
"""


def wait_for(stack: RunningStack, device: str, stored: int, quarantined: int = 0) -> None:
    """Wait until so many readings of a device are stored and refused."""
    eventually(
        lambda: stack.query(OUTCOMES, device, device) == [(stored, quarantined)],
        f"of {device} {stored} are stored and {quarantined} refused",
    )


def test_ten_vehicles_are_online_with_values_and_a_history_that_grows(stack: RunningStack, api: Program) -> None:
    def vehicles() -> dict[str, str]:
        return {row["device_id"]: row["status"] for row in api.get("/api/devices/status") if "vehicle_" in str(row)}

    def history(device: str) -> list[Any]:
        points: list[Any] = api.get(f"/api/devices/{device}/history", duration="1h", field="speed")["points"]
        return points

    eventually(lambda: [vehicles().get(name) for name in VEHICLES] == ["online"] * 10, "ten vehicles are online")
    before = {name: history(name) for name in VEHICLES}
    for name in VEHICLES:
        latest = api.get(f"/api/devices/{name}/latest")
        assert latest["model"] == "vehicle"
        assert 0 <= latest["values"]["speed"] <= 250
        assert {"heading", "latitude", "longitude", "odometer", "battery"} <= latest["values"].keys()
    eventually(lambda: all(history(name)[-1:] > before[name][-1:] for name in VEHICLES), "every history grows")


def test_all_processes_together_hold_less_than_a_gigabyte(stack: RunningStack) -> None:
    kinds = {"up", "postgres", "valkey", "broker", "bridge", "workers", "scheduler", "watch", "site", "simulators"}
    print("memory at the start, MB:", {kind: round(held / 1e6) for kind, held in stack.memory_at_start.items()})
    assert set(stack.memory_at_start) == kinds
    assert stack.memory_at_start.total() < MEMORY_LIMIT
    held = memory_by_kind(stack.processes()).total()
    print(f"after what other tests did to it: {held / 1e6:.0f} MB")
    assert held < MEMORY_LIMIT


def test_a_message_published_by_hand_is_stored(stack: RunningStack, api: Program, mosquitto_pub: list[str]) -> None:
    now = round(time.time(), 3)
    published(mosquitto_pub, "hand_valid", f'{{"timestamp": {now}, "speed": 42.5}}')
    wait_for(stack, "hand_valid", 1)
    latest = api.get("/api/devices/hand_valid/latest")
    assert latest["values"]["speed"] == 42.5
    assert datetime.fromisoformat(latest["ts"]).timestamp() == pytest.approx(now, abs=0.0005)


def test_an_invalid_message_is_kept_in_quarantine_with_every_reason(
    stack: RunningStack, mosquitto_pub: list[str]
) -> None:
    payload = f'{{"timestamp": {time.time():.3f}, "speed": 999, "battery": "full"}}'
    published(mosquitto_pub, "hand_invalid", payload)
    wait_for(stack, "hand_invalid", stored=0, quarantined=1)
    books = stack.json("audit", "--device", "hand_invalid")
    assert [books[name] for name in ("received", "stored", "quarantined", "balanced")] == [1, 0, 1, True]
    ((topic, raw, reasons),) = stack.query(
        "SELECT topic, payload, reasons FROM validation_quarantined WHERE device = 'hand_invalid'"
    )
    assert topic == "vehicles/hand_invalid/telemetry"
    assert bytes(raw).decode() == payload
    assert {reason["path"] for reason in reasons} == {"/speed", "/battery"}
    assert all(reason["code"] and reason["detail"] for reason in reasons)


def test_every_reading_of_an_array_is_stored(stack: RunningStack, api: Program, mosquitto_pub: list[str]) -> None:
    now = round(time.time(), 3)
    readings = [f'{{"timestamp": {now - n:.3f}, "speed": {10 * n}, "seq": {n}}}' for n in range(5)]
    published(mosquitto_pub, "hand_array", f"[{', '.join(readings)}]")
    wait_for(stack, "hand_array", 5)
    points = api.get("/api/devices/hand_array/history", duration="1m", field="speed")["points"]
    assert [value for _, value in points] == [40, 30, 20, 10, 0]


def recorded_series() -> list[tuple[datetime, float]]:
    """Return speeds as a sensor in a road records them: every few minutes, years ago, one moment twice."""
    moment, series = datetime(2015, 8, 31, 11, 22, tzinfo=UTC), []
    for number in range(REPLAYED):
        series.append((moment, float(60 + number * 7 % 31)))
        if number != 500:
            moment += timedelta(minutes=(5, 5, 10, 3, 26)[number % 5])
    return series


def write_series(path: Path) -> list[list[float]]:
    """Write the series as a file and return its points as the API has to give them."""
    series = recorded_series()
    lines = [f"{moment:%Y-%m-%d %H:%M:%S},{value:g}" for moment, value in series]
    path.write_text("\n".join(["timestamp,value", *lines, ""]))
    return [[moment.timestamp(), value] for moment, value in series]


def replayed(api: Program) -> Any:
    """Return the history of the replayed device over its whole range."""
    where = {"start": "2015-01-01T00:00:00Z", "end": "2016-01-01T00:00:00Z", "points": 5 * REPLAYED}
    return api.get("/api/devices/road/history", field="speed", **where)


def test_a_replayed_series_comes_back_exactly_as_it_is_in_the_file(
    stack: RunningStack, api: Program, tmp_path: Path
) -> None:
    path = tmp_path / "road.csv"
    points = write_series(path)
    assert sum(a[0] == b[0] for a, b in pairwise(points)) == 1
    summary = stack.json(
        "simulate_devices", "--profile", "replay", "--file", str(path), "--field", "speed", "--only", "road"
    )
    assert summary["total"]["acknowledged"] == REPLAYED
    wait_for(stack, "road", REPLAYED)
    history = replayed(api)
    assert history["points"] == points
    assert (history["unit"], history["source"], history["resolution"]) == ("km/h", "raw", "raw")


def add_field(stack: RunningStack, model: str, name: str) -> None:
    """Add a number to a published model as somebody does in the admin."""
    ((identity,),) = stack.query("SELECT id FROM validation_datamodel WHERE name = %s", model)
    ((fields,),) = stack.query("SELECT count(*) FROM validation_field WHERE model_id = %s", identity)
    person = Person(stack.url)
    person.sign_in(stack.user, stack.password)
    row = {f"fields-{fields}-name": name, f"fields-{fields}-kind": "number", f"fields-{fields}-position": str(fields)}
    page = person.submit(f"/admin/validation/datamodel/{identity}/change/", row | {"_publish": "Save and publish"})
    assert "is published" in page, page


def test_a_field_added_while_data_flows_is_stored_from_the_next_message_on(stack: RunningStack, api: Program) -> None:
    def publish(device: str) -> None:
        payload = {"timestamp": time.time(), "speed": 50, "cabin_temperature": 21.5}
        api.post("/mqtt/publish", {"topic": f"vehicles/{device}/telemetry", "payload": payload, "qos": 1})

    before = [process.pid for process in stack.processes()]
    load = Load(stack, "growing_", count=3_000, rate=500)
    publish("early")
    wait_for(stack, "early", 1)
    add_field(stack, "vehicle", "cabin_temperature")
    publish("late")
    wait_for(stack, "late", 1)
    assert not load.is_over, "the load was to go on meanwhile"
    assert api.get("/api/devices/late/latest")["values"]["cabin_temperature"] == 21.5
    assert stack.query(
        "SELECT d.name, cabin_temperature FROM telemetry.vehicle JOIN ingest_device d ON d.id = device_id "
        "WHERE d.name IN ('early', 'late') ORDER BY d.name"
    ) == [("early", None), ("late", 21.5)]
    assert load.acknowledged() == load.count
    stack.audit()
    with stack.database() as database:
        assert load.faults(database) == {}
    assert {process.pid for process in stack.processes() if "postgres" not in process.name()} <= set(before)


def test_every_service_answers_under_the_keys_that_scripts_rely_on(stack: RunningStack) -> None:
    services = stack.json("services")
    assert list(services) == ["database", "redis", "buffers", "mqtt", "mqtt5", "site"]
    assert len(services["buffers"]) == 2
    for service in (*services.pop("buffers"), *services.values()):
        assert service["answers"] is True
        assert "://" in service["url"]
    assert stack.settings["SITE_URL"] == stack.url


def test_after_ctrl_c_and_a_new_start_everything_is_where_it_was(stack: RunningStack, api: Program) -> None:
    settings, password = stack.settings, stack.password
    points = api.get("/api/devices/vehicle_01/history", duration="1h", field="speed", points=5_000)["points"]
    stack.stop()
    assert not (stack.data_dir / "stack.env").exists(), "commands would look for services that have gone"
    stack.start()
    assert stack.settings == settings, "the same ports and passwords"
    assert stack.password == password
    again = api.get("/api/devices/vehicle_01/history", duration="1h", field="speed", points=5_000)["points"]
    assert again[: len(points)] == points
    ((rows,),) = stack.query("SELECT count(*) FROM telemetry.vehicle")
    assert stack.audit()["stored"] >= rows
