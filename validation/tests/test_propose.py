"""What is proposed for payloads that no documentation describes: fields, names, device, time, sequence, topics."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import orjson
import pytest

from validation.propose import Message, Sighting, clusters, propose
from validation.propose.quantities import QUANTITIES
from validation.propose.words import RESERVED, field_name, label, singular, words_of
from validation.spec import FIELD_NAME, OWN_COLUMNS, SYSTEM_COLUMNS
from validation.tests.proposing import NOW, evidence, field, proposed, sent

# --- Kinds and limits ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "values", "kind", "unit", "limits"),
    [
        ("temperature", [21, 22], "number", "Cel", (-273.15, None)),
        ("temp_f", [70.5, 71.0], "number", "[degF]", (-459.67, None)),
        ("outsideTempC", [3.5, 4], "number", "Cel", (-273.15, None)),
        ("humidity", [40, 101], "number", "", (0, None)),
        ("soc", [0.31, 0.44], "number", "1", (0, 1)),
        ("pressure", [998.2, 1013], "number", "hPa", (0, None)),
        ("pressure", [99_820, 101_300], "number", "Pa", (0, None)),
        ("pressure", [99.8, 101.3], "number", "kPa", (0, None)),
        ("voltage", [230.1, 231], "number", "V", (None, None)),
        ("voltage", [3045, 2990], "number", "mV", (None, None)),
        ("wind_speed", [3.1, 4], "number", "m/s", (0, None)),
        ("speed", [48, 51], "number", "km/h", (0, None)),
        ("speed_mph", [48, 51], "number", "[mi_i]/h", (0, None)),
        ("heading", [0, 359], "number", "deg", (0, 360)),
        ("rssi", [-71, -69], "number", "dB{mW}", (None, None)),
        ("co2", [415, 420], "number", "[ppm]", (0, None)),
        ("pm2_5", [4, 5], "number", "ug/m3", (0, None)),
        ("uptime", [86_400, 86_460], "integer", "s", (0, None)),
        ("distance_cm", [10.5, 11], "number", "cm", (0, None)),
        ("parts", [1, 2], "integer", "", (0, None)),
        ("flurb", [1, 2], "integer", "", (None, None)),
        ("flurb", [1.5, 2], "number", "", (None, None)),
        ("running", [True, False], "boolean", "", (None, None)),
        ("door", ["open", "open"], "choice", "", (None, None)),
        ("firmware", ["1.2", "1.3"], "text", "", (None, None)),
        ("level", ["12.5", "13"], "text", "", (None, None)),
        ("calibrated_at", ["2025-01-02T03:04:05Z", "2025-01-02T03:04:06Z"], "timestamp", "", (None, None)),
        ("last_service_ts", [1_750_000_000_000, 1_750_000_001_000], "timestamp", "ms", (None, None)),
    ],
)
def test_name_and_values_together_say_kind_unit_and_limits(
    key: str, values: list[Any], kind: str, unit: str, limits: tuple[float | None, float | None]
) -> None:
    found = field(proposed(lambda n: {"ok": 1.5, key: values[n % 2]}), key)
    assert (found.kind, found.unit, (found.minimum, found.maximum)) == (kind, unit, limits)


def test_what_was_seen_is_evidence_and_never_a_limit() -> None:
    proposal = proposed(lambda n: {"flurb": 10 + n, "temperature": 20.5 + n})
    assert (field(proposal, "flurb").minimum, field(proposal, "flurb").maximum) == (None, None)
    assert (evidence(proposal, "temperature").low, evidence(proposal, "temperature").high) == (20.5, 39.5)
    assert field(proposal, "temperature").maximum is None


def test_whole_numbers_that_are_few_may_still_get_a_fraction() -> None:
    assert field(proposed(lambda n: {"flurb": n}, count=17), "flurb").kind == "number"
    assert field(proposed(lambda n: {"flurb": n}, count=18), "flurb").kind == "integer"


def test_a_few_texts_that_come_again_are_choices_and_many_are_not() -> None:
    proposal = proposed(
        lambda n: {"mode": ["auto", "manual", "eco"][n % 3], "job": f"job {n}", "lot": "A" if n else "B"}, count=30
    )
    assert set(field(proposal, "mode").choices) == {"auto", "manual", "eco"}
    assert field(proposal, "job").kind == "text"
    assert field(proposal, "lot").kind == "text"  # one of its texts was seen once: more are to be expected


def test_latitude_and_longitude_become_a_point() -> None:
    nested = proposed(lambda n: {"gps": {"lat": 52.1, "lon": 11.6 + n, "alt": 60.5}})
    assert (field(nested, "gps").kind, field(nested, "gps.alt").unit) == ("point", "m")
    flat = proposed(lambda n: {"Latitude": 52.1, "Longitude": 11.6 + n})
    assert (field(flat, "Latitude,Longitude").kind, flat.spec.fields[0].name) == ("point", "position")
    odd = proposed(lambda n: {"lat": 5_210 + n / 2, "lon": 11.6})
    assert {item.kind for item in odd.spec.fields} == {"number"}


def test_a_value_is_required_only_when_it_is_as_good_as_sure() -> None:
    few = proposed(lambda n: {"a": 1.5}, count=17)
    many = proposed(lambda n: {"a": 1.5, "b": None if n == 3 else 2.5}, count=100)
    assert not field(few, "a").required
    assert evidence(few, "a").sure == pytest.approx(18 / 19, abs=1e-3)
    assert field(many, "a").required
    assert not field(many, "b").required
    assert (evidence(many, "b").seen, evidence(many, "b").of) == (99, 100)


def test_what_can_be_no_field_is_said_and_left_out() -> None:
    def payload(n: int) -> dict[str, Any]:
        mixed = "low" if n % 2 else 4
        return {"a": 1.5, "list": [1, 2], "mixed": mixed, "both": {"x": 1.5} if n % 2 else 3.5, "photo": "x" * 5_000}

    proposal = proposed(payload)
    notes = " ".join(proposal.notes)
    assert "Arrays are no fields: `list`." in notes
    assert "`mixed`: sometimes of one kind" in notes
    assert "`both`, `both.x`: sometimes a value and sometimes an object" in notes or "`both.x`, `both`" in notes
    assert "`photo`: longer than 4,000 characters" in notes
    assert {item.path or item.name for item in proposal.spec.fields} == {"a"}


# --- Names ---------------------------------------------------------------------------------------------------------


def test_names_are_valid_in_sql_unique_and_tell_where_they_come_from() -> None:
    keys = ["Temp °C", "temp_c", "select", "seq no", "ts", "2nd", "Größe", "влажность", "A" * 60, "a.b", "x/y", "end"]
    proposal = proposed(lambda n: dict.fromkeys(keys, 1.5))
    names = [item.name for item in proposal.spec.fields]
    assert all(FIELD_NAME.fullmatch(name) for name in names)
    assert len(set(names)) == len(keys)
    assert not set(names) & {*RESERVED, *OWN_COLUMNS, *SYSTEM_COLUMNS}
    assert field(proposal, "select").name == "select_value"
    assert field(proposal, "Größe").name == "grosse"
    assert field(proposal, "/a.b").name == "a_b"


def test_a_wrapper_around_everything_is_left_out_of_names() -> None:
    proposal = proposed(lambda n: {"data": {"t": 1.5, "env": {"co2": 400}}})
    assert [item.name for item in proposal.spec.fields] == ["t", "env_co2"]


def test_words_and_labels() -> None:
    assert words_of("TotalStartTime") == ("total", "start", "time")
    assert words_of("devEUI") == ("dev", "eui")
    assert words_of("pressure_hPa") == ("pressure", "hpa")
    assert label("am2301_temperature") == "AM2301 temperature"
    assert (label("co2"), label("wind_avg_m_s", 2)) == ("CO₂", "Wind avg")
    assert (singular("batteries"), singular("buses"), singular("status")) == ("battery", "buse", "status")
    assert field_name(("a" * 100,), {"a" * 63}).endswith("_value")


# --- Device, time, sequence ----------------------------------------------------------------------------------------


def test_the_level_of_the_topic_that_tells_devices_apart_names_the_device() -> None:
    topics = [f"site/{place}/line-{line}/telemetry" for place in ("north", "south") for line in (1, 2, 3)]
    spec = propose(sent(lambda n: {"flurb": 1.5}, 24, lambda n: topics[n % 6])).spec
    assert (spec.topic_filter, spec.device_level, spec.device_source) == ("site/+/+/telemetry", 2, "topic")
    assert any(
        "6 topics have only 3 names" in note
        for note in propose(sent(lambda n: {"flurb": 1.5}, 24, lambda n: topics[n % 6])).notes
    )


@pytest.mark.parametrize(
    ("topic", "payload", "topic_filter"),
    [
        ("plant/press-7/telemetry", {"a": 1}, "plant/+/telemetry"),
        ("home/kitchen/climate", {"name": "kitchen", "a": 1}, "home/+/climate"),
        ("weather/rooftop", {"a": 1}, "weather/+"),
        ("attic", {"a": 1}, "+"),
        ("a4:cf:12:00:11:22/data", {"a": 1}, "+/data"),
    ],
)
def test_with_one_topic_only_the_device_is_a_guess_that_is_said_to_be_one(
    topic: str, payload: dict[str, Any], topic_filter: str
) -> None:
    proposal = propose([Message(topic, orjson.dumps(payload), NOW)])
    assert proposal.spec.topic_filter == topic_filter
    assert any("it is a guess" in note for note in proposal.notes)


def test_a_gateway_names_its_devices_in_the_payload() -> None:
    proposal = propose(sent(lambda n: {"device_id": f"probe-{n % 4}", "flurb": 1.5}))
    assert (proposal.spec.device_source, proposal.spec.device_key) == ("payload", "device_id")
    assert [item.name for item in proposal.spec.fields] == ["flurb"]


@pytest.mark.parametrize(("unit", "factor"), [("s", 1), ("ms", 1_000), ("us", 1_000_000)])
def test_the_time_is_found_with_its_unit(unit: str, factor: int) -> None:
    spec = proposed(lambda n: {"meta": {"ts": int((NOW - 20 + n) * factor)}, "flurb": 1.5}).spec
    assert (spec.time_source, spec.time_key, spec.time_unit) == ("payload", "meta.ts", unit)


@pytest.mark.parametrize(
    "time_of", [lambda n: NOW + 3_600 + n, lambda n: None if n == 3 else NOW, lambda n: "2018.02.15 01:00:50"]
)
def test_a_time_that_cannot_be_one_gives_way_to_the_moment_of_receipt(time_of: Any) -> None:
    proposal = propose(sent(lambda n: {"time": time_of(n), "flurb": 1.5}))
    assert proposal.spec.time_source == "receipt"
    assert any("moment of receipt is taken" in note for note in proposal.notes)


def test_a_number_that_grows_by_one_per_device_is_the_sequence() -> None:
    def topic(n: int) -> str:
        return f"plant/press-{n % 2}/telemetry"

    spec = propose(sent(lambda n: {"msg_id": 7 + n // 2, "count": 3 * n, "flurb": 1.5}, topic=topic)).spec
    assert spec.sequence_key == "msg_id"
    assert [item.name for item in spec.fields] == ["count", "flurb"]


# --- Topics --------------------------------------------------------------------------------------------------------


def test_topics_are_grouped_by_what_their_messages_hold() -> None:
    def sighting(topic: str, *keys: str) -> Sighting:
        return Sighting(topic, frozenset(keys))

    found = clusters(
        [
            sighting("cars/v1/telemetry", "speed", "heading"),
            sighting("cars/v2/telemetry", "speed", "heading", "fuel"),
            sighting("cars/v1/health", "uptime", "ram"),
            sighting("boats/v1/telemetry", "speed", "heading"),
            sighting("lab/a/b/c", "x"),
            sighting("mix/one", "a", "b"),
            sighting("mix/two", "c", "d"),
            sighting("mix/three", "a", "b"),
        ]
    )
    assert found == [
        ("cars/+/telemetry", ["cars/v1/telemetry", "cars/v2/telemetry"]),
        ("cars/+/health", ["cars/v1/health"]),
        ("boats/+/telemetry", ["boats/v1/telemetry"]),
        ("lab/a/b/+", ["lab/a/b/c"]),
        ("mix/+", ["mix/one", "mix/three", "mix/two"]),
    ]


def test_no_phrase_names_two_quantities() -> None:
    phrases = sorted(phrase for quantity in QUANTITIES for phrase in quantity.phrases)
    assert [one for one, other in pairwise(phrases) if one == other] == []
