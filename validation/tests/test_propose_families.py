"""The families of devices that are recognised, and that a person changes little of what is proposed for them."""

from __future__ import annotations

import orjson
import pytest

from ingest.envelope import Batch
from ingest.topics import matches
from validation.catalog import Catalog
from validation.pipeline import judge
from validation.propose import Message, Sighting, clusters, propose
from validation.schema import compile_model
from validation.spec import ModelSpec, faults_of_limits, faults_of_names, faults_of_source
from validation.tests.families.sent import SHELLY_STATUS, TASMOTA_SENSOR
from validation.tests.families.wanted import EXPECTATIONS, Expectation
from validation.units import fault_of_unit

each_family = pytest.mark.parametrize("expected", EXPECTATIONS, ids=lambda expected: expected.sent.name)


def rejections(spec: ModelSpec, messages: list[Message]) -> list[object]:
    """Judge messages by a draft as a worker would, and return the reasons of those that do not pass."""
    batch = Batch(
        1,
        "test",
        1,
        [m.received for m in messages],
        [m.topic.encode() for m in messages],
        [m.payload for m in messages],
    )
    judgement = judge([batch], Catalog([compile_model(spec, 1)]))
    return [rejected.reasons for rejected in judgement.rejected]


@each_family
def test_a_family_is_recognised_with_topic_device_and_time(expected: Expectation) -> None:
    proposal = propose(expected.sent.messages())
    spec = proposal.spec
    assert (proposal.family, proposal.source) == (expected.sent.name, expected.sent.source)
    assert spec.topic_filter == expected.topic_filter
    where = spec.device_level if spec.device_source == "topic" else spec.device_key
    assert (spec.device_source, where) == expected.device
    assert (spec.time_source, spec.time_key, spec.time_unit) == expected.time
    assert spec.sequence_key == expected.sequence


@each_family
def test_a_person_changes_two_fields_of_a_family_at_most(expected: Expectation) -> None:
    spec = propose(expected.sent.messages()).spec
    proposed = {field.path or field.name: (field.kind, field.unit) for field in spec.fields}
    wrong = {path for path, wanted in expected.fields.items() if proposed.get(path) != wanted}
    unwanted = proposed.keys() - expected.fields.keys() - set(expected.not_cared_about)
    assert wrong | unwanted == set(expected.to_change)
    assert len(expected.to_change) <= 2


@each_family
def test_every_message_of_a_family_passes_the_model_that_is_proposed_for_it(expected: Expectation) -> None:
    messages = expected.sent.messages()
    spec = propose(messages).spec
    assert faults_of_names(spec) + faults_of_limits(spec) + faults_of_source(spec) == []
    assert [field.unit for field in spec.fields if field.kind != "timestamp" and fault_of_unit(field.unit)] == []
    assert all(field.label for field in spec.fields)
    assert rejections(spec, messages) == []


@each_family
def test_messages_of_a_family_are_told_from_all_others(expected: Expectation) -> None:
    sightings = [
        Sighting(topic, frozenset(orjson.loads(message.payload)))
        for other in EXPECTATIONS
        for topic, message in {message.topic: message for message in other.sent.messages()}.items()
    ]
    found = dict(clusters(sightings))
    assert set(found[expected.topic_filter]) == set(expected.sent.topics)


def test_one_device_of_a_family_is_enough_to_know_its_topics() -> None:
    topic = SHELLY_STATUS.topics[0]
    proposal = propose([message for message in SHELLY_STATUS.messages() if message.topic == topic], topic)
    assert proposal.spec.topic_filter == "+/status/switch:0"
    assert matches(proposal.spec.topic_filter, topic)


def test_a_clock_that_tells_local_time_is_not_taken_for_utc() -> None:
    behind = [Message(m.topic, m.payload, m.received - 7_200) for m in TASMOTA_SENSOR.messages()]
    proposal = propose(behind)
    assert proposal.spec.time_source == "receipt"
    assert any("local time" in note and "+2.00 h" in note for note in proposal.notes)
    assert rejections(proposal.spec, behind) == []


def test_single_values_of_the_first_shelly_generation_are_said_to_be_no_objects() -> None:
    topic = "shellies/shelly1pm-ABC123/relay/0/power"
    proposal = propose([Message(topic, b"12.5", 1_760_000_000.0)] * 3)
    assert proposal.spec.fields == ()
    assert any("3 messages are a single value and no object" in note for note in proposal.notes)
