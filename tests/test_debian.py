"""The same platform on PostgreSQL, Redis and Mosquitto as Debian packages them, named by their URLs."""

from __future__ import annotations

from tests.debian import Debian
from tests.project import eventually
from tests.stack import RunningStack
from tests.visitor import Program

OWN = {"up", "bridge", "workers", "scheduler", "watch", "site", "simulators"}


def test_nothing_is_started_that_the_environment_names(debian_stack: RunningStack) -> None:
    from dataflow.bench.processes import kind_of

    assert {kind_of(process) for process in debian_stack.processes()} == OWN
    assert {path.name for path in debian_stack.data_dir.iterdir()}.isdisjoint(
        {"postgres", "valkey", "buffer-1", "buffer-2", "broker"}
    )


def test_data_flows_and_the_books_balance(debian_stack: RunningStack) -> None:
    api = Program(debian_stack.url, debian_stack.manage("create_token", "--user", "tests").strip())

    def online() -> list[str]:
        return [
            row["device_id"] for row in api.get("/api/devices/status", model="vehicle") if row["status"] == "online"
        ]

    names = ["vehicle_01", "vehicle_02", "vehicle_03"]
    eventually(lambda: sorted(online()) == names, "three vehicles are online")
    points = api.get("/api/devices/vehicle_01/history", duration="1h", field="speed")["points"]
    eventually(
        lambda: len(api.get("/api/devices/vehicle_01/history", duration="1h", field="speed")["points"]) > len(points),
        "the history grows",
    )
    assert debian_stack.audit()["stored"] > 0


def test_every_service_answers_at_the_url_that_was_given(debian_stack: RunningStack, debian: Debian) -> None:
    services = debian_stack.json("services")
    given = debian.settings
    assert services["database"] == {"url": given["DATABASE_URL"], "answers": True}
    assert services["redis"] == {"url": given["REDIS_URL"], "answers": True}
    assert services["buffers"] == [{"url": url, "answers": True} for url in given["BUFFER_URLS"].split(",")]
    assert services["mqtt"] == services["mqtt5"] == {"url": given["MQTT_URL"], "answers": True}
    assert services["site"] == {"url": debian_stack.url, "answers": True}
