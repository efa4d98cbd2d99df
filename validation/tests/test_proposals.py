"""From topics that no model is for to a published model and stored readings, on real services."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest
from django.core.exceptions import ValidationError

from validation import proposals
from validation.models import DataModel, ModelVersion, Quarantined
from validation.publishing import withdraw
from validation.quarantine import Selection, select
from validation.samples import load_samples
from validation.spec import FieldSpec, ModelSpec
from validation.tests.conftest import Worker
from validation.tests.replaying import finish, rows

FILTERS = ("a/+/c", "a/#", "+/b/c", "a/b/c", "#", "a/.*/c", "+")
TOPICS = ("a/b/c", "a/x/c", "a/b/c/d", "a", "a/", "b/b/c", "a/.*/c", "axbxc", "é/b/c")


def climate(number: int) -> dict[str, Any]:
    return {"ts": time.time() - 100 + number, "temperature": 20.5 + number, "humidity": 40}


def arrive(worker: Worker) -> None:
    """Receive what no model is for, from three rooms and a machine, and what the sample model is for."""
    for number in range(7):
        worker.receive(*[(f"rooms/{room}/climate", climate(number)) for room in ("attic", "hall", "cellar")])
    worker.receive(("plant/press-7/telemetry", {"pressure_bar": 6.1}), ("vehicles/v1/telemetry", {"speed": 20}))
    worker.work()


def test_unknown_topics_are_grouped_proposed_accepted_and_what_waited_is_stored(worker: Worker) -> None:
    arrive(worker)
    plant, rooms = proposals.unknown()
    assert (plant.topic_filter, plant.messages) == ("plant/+/telemetry", 1)
    assert (rooms.topic_filter, rooms.messages, len(rooms.topics)) == ("rooms/+/climate", 21, 3)
    assert rooms.first <= rooms.last

    proposal = proposals.propose(rooms.topic_filter)
    assert (proposal.messages, proposal.spec.name, proposal.spec.topic_filter) == (
        21,
        "room_climate",
        "rooms/+/climate",
    )
    assert [(item.name, item.unit, item.required) for item in proposal.spec.fields] == [
        ("temperature", "Cel", True),
        ("humidity", "%", True),
    ]
    assert proposal.samples[0].topic.startswith("rooms/")

    accepted = proposals.accept(proposal.spec, by="ada", publish=True, replay=True)
    assert accepted.version is not None
    assert accepted.replay is not None
    assert (accepted.version.number, accepted.version.published_by, accepted.replay.total) == (1, "ada", 21)
    finish(accepted.replay)
    assert len(rows("temperature", "room_climate")) == 21
    assert [waiting.topic_filter for waiting in proposals.unknown()] == ["plant/+/telemetry"]
    assert worker.audit().total.missing == 0


def test_a_proposal_is_accepted_whole_or_not_at_all(worker: Worker) -> None:
    arrive(worker)
    spec = proposals.propose("rooms/+/climate").spec
    clash = msgspec.structs.replace(spec, topic_filter="vehicles/#")
    with pytest.raises(ValidationError, match="in service for some of the same topics"):
        proposals.accept(clash, by="ada", publish=True, replay=True)
    assert not DataModel.objects.filter(name=spec.name).exists()
    draft = proposals.accept(spec, by="ada", publish=False, replay=False)
    assert (draft.version, draft.replay, draft.model.spec()) == (None, None, spec)
    with pytest.raises(ValidationError, match="already"):
        proposals.accept(spec, by="ada", publish=False, replay=False)
    assert proposals.propose("rooms/+/climate").spec.name == "room_climate_2"


def test_topics_of_a_model_in_service_and_of_the_platform_are_not_proposed(worker: Worker) -> None:
    withdraw(DataModel.objects.get(name="vehicle"))
    worker.receive(("vehicles/v1/telemetry", {"timestamp": time.time(), "speed": 20}))
    worker.work()
    assert [waiting.topic_filter for waiting in proposals.unknown()] == ["vehicles/+/telemetry"]
    DataModel.objects.filter(name="vehicle").update(published=True)
    assert proposals.unknown() == []
    for topics in ("commands/+", "status/v1", "$SYS/#", "a/#/b", ""):
        with pytest.raises(ValidationError):
            proposals.propose(topics)


def test_a_topic_filter_selects_what_it_matches_in_mqtt(db: None) -> None:
    from django.utils.timezone import now

    from ingest.topics import matches

    for topic in TOPICS:
        Quarantined.objects.create(received_at=now(), topic=topic, payload=b"", reasons=[], position=0)
    for pattern in FILTERS:
        found = set(select(Selection(topic_filter=pattern)).values_list("topic", flat=True))
        assert found == {topic for topic in TOPICS if matches(pattern, topic)}, pattern


def test_drift_is_found_in_what_came_lately(worker: Worker) -> None:
    for number in range(5):
        worker.receive(
            ("vehicles/v1/telemetry", {"timestamp": time.time(), "seq": number, "speed": 300.5, "rpm": 1800 + number})
        )
    worker.work()
    found = proposals.drift(DataModel.objects.get(name="vehicle"))
    assert any("`speed` was 300.5, beyond its maximum: 250 → 310" in change for change in found.changes)
    assert any("new optional field `rpm`" in change for change in found.changes)
    assert found.spec.fields[0].maximum == 310


def test_thousands_of_unknown_topics_are_looked_at_in_time(db: None) -> None:
    from django.utils.timezone import now

    load_samples()
    at = now()
    Quarantined.objects.bulk_create(
        Quarantined(
            received_at=at,
            topic=f"noise/{number % 1_500}/{'x' * 100}",
            payload=b'{"a": 1}',
            reasons=[],
            code="unknown_topic",
            position=number,
        )
        for number in range(3_000)
    )
    started = time.perf_counter()
    (waiting,) = proposals.unknown()
    assert (waiting.topic_filter, len(waiting.topics)) == (f"noise/+/{'x' * 100}", 1_000)
    assert proposals.propose(waiting.topic_filter).messages == 2_000
    assert time.perf_counter() - started < 5  # seconds on a busy machine; some 0.3 on an idle one


def test_a_model_with_versions_but_no_service_keeps_its_name_for_itself(db: None) -> None:
    spec = ModelSpec(
        name="rooms", topic_filter="rooms/+", time_source="receipt", fields=(FieldSpec(name="a", kind="number"),)
    )
    proposals.accept(spec, by="", publish=True, replay=False)
    assert ModelVersion.objects.count() == 1
    with pytest.raises(ValidationError, match="judged again"):
        proposals.accept(msgspec.structs.replace(spec, name="other"), by="", publish=False, replay=True)
