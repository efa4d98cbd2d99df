"""What people publish in the admin while readings flow: a worker goes on storing, and nothing is lost."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from django.db import connection, connections

from validation.drain import Drain
from validation.models import DataModel
from validation.samples import load_samples
from validation.streams import StreamReader
from validation.tests.conftest import Worker
from validation.tests.person import Person, messages

TOPIC = "vehicles/vehicle_01/telemetry"


@pytest.fixture
def person(worker: Worker) -> Person:
    load_samples()
    return Person()


@pytest.fixture
def vehicle(person: Person) -> DataModel:
    return DataModel.objects.get(name="vehicle")


def fetch(statement: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return list(cursor.fetchall())


class Flow:
    """Readings with a key `oil` that arrive and are stored in the background."""

    def __init__(self, worker: Worker) -> None:
        self.worker, self.sent, self.failures = worker, 0, list[BaseException]()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        drain, reader = Drain(), StreamReader(self.worker.client)
        try:
            while not self._end.is_set():
                self.worker.receive(*[(TOPIC, self._reading()) for _ in range(5)], (TOPIC, b"no json"))
                drain.run(reader, self.worker.buffer, seconds=1)
        except BaseException as error:  # noqa: BLE001  (the main thread looks at it)
            self.failures.append(error)
        finally:
            connections.close_all()

    def _reading(self) -> dict[str, float]:
        self.sent += 1
        return {"timestamp": time.time(), "seq": self.sent, "speed": 50, "oil": 3.5}

    def wait_for_more(self) -> None:
        before, deadline = self.sent, time.monotonic() + 10
        while self.sent < before + 30:
            assert time.monotonic() < deadline, self.failures
            time.sleep(0.01)

    def stop(self) -> None:
        self._end.set()
        self._thread.join()
        assert self.failures == []


def test_a_field_added_while_readings_flow_is_stored_from_the_next_chunk_on_and_nothing_is_lost(
    worker: Worker, person: Person, vehicle: DataModel
) -> None:
    flow = Flow(worker)
    try:
        flow.wait_for_more()
        page = person.publish(vehicle, {"name": "oil", "kind": "number", "label": "Oil pressure", "unit": "bar"})
        published_at = flow.sent
        assert "Version 2 is published" in messages(page)
        flow.wait_for_more()
    finally:
        flow.stop()
    books = worker.audit()
    assert books.balanced
    assert (books.total.stored, books.total.quarantined) == (flow.sent, flow.sent // 5)
    assert fetch("SELECT DISTINCT version, oil FROM telemetry.vehicle ORDER BY 1") == [(1, None), (2, 3.5)]
    # What was under way when the version appeared, a chunk of five, may still be judged by the one before.
    (last_old,) = fetch("SELECT max(seq) FROM telemetry.vehicle WHERE version = 1")[0]
    assert last_old <= published_at + 5


def test_a_draft_judges_nothing_and_a_whole_new_model_gets_its_table_and_its_readings(
    worker: Worker, person: Person
) -> None:
    boats = ("boats/boat_1/telemetry", {"timestamp": time.time(), "depth": 3.5})
    boat = {"name": "boat", "topic_filter": "boats/+/telemetry", "description": "Boats."}
    page = person.add({"name": "depth", "kind": "number", "unit": "m"}, boat)
    assert "Draft saved" in messages(page)
    worker.receive(boats)
    worker.work()
    assert worker.reasons() == [["unknown_topic"]]
    page = person.post("datamodel_publish", DataModel.objects.get(name="boat").pk)
    assert "Version 1 is published" in messages(page)
    worker.receive(boats)
    worker.work()
    assert fetch("SELECT depth, version FROM telemetry.boat") == [(3.5, 1)]
    assert worker.audit().balanced


def test_a_choice_takes_its_choices_and_nothing_else(worker: Worker, person: Person, vehicle: DataModel) -> None:
    page = person.publish(vehicle, {"name": "gear", "kind": "choice", "choices": " park, drive ,park,"})
    assert "Version 2" in messages(page)
    for gear in ("drive", "park", "fly", "Drive", ""):
        worker.receive((TOPIC, {"timestamp": time.time(), "speed": 1, "gear": gear}))
    worker.work()
    assert fetch("SELECT gear FROM telemetry.vehicle ORDER BY ts") == [("drive",), ("park",)]
    assert worker.reasons() == [["enum"]] * 3
