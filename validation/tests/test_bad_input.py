"""Bad input, on real services: each ends in quarantine with its reason and its bytes, and takes nothing good along."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from validation.models import Quarantined
from validation.pipeline import judge
from validation.tests.conftest import Worker
from validation.tests.judging import SENSOR_TOPIC, VEHICLE_TOPIC, batch_of, catalog_of

NOW = time.time()
DEEP = 10_000


@dataclass(frozen=True)
class Bad:
    """A message that must not be stored, and the reason codes of each reading of it that ends in quarantine."""

    name: str
    payload: bytes
    codes: tuple[str, ...]
    topic: bytes = VEHICLE_TOPIC


def with_keys(keys: bytes) -> bytes:
    return b'{"timestamp":%f,"speed":1.5,%s}' % (NOW, keys)


def with_speed(speed: bytes) -> bytes:
    return b'{"timestamp":%f,"speed":%s}' % (NOW, speed)


def at(timestamp: bytes) -> bytes:
    return b'{"timestamp":%s,"speed":1.5}' % timestamp


def from_sensor(device: bytes) -> bytes:
    return b'{"timestamp":%f,"device_id":"%s","humidity":5}' % (NOW, device)


GOOD_SENSOR = from_sensor(b"sensor_001")
BAD_SENSOR = b'{"timestamp": %f , "device_id":"sensor_002", "humidity":500}' % NOW

BAD = (
    Bad("text that is no JSON", b"speed=5", ("not_json",)),
    Bad("an empty payload", b"", ("empty",)),
    Bad("white space", b" \r\n\t", ("empty",)),
    Bad("half an object", b'{"timestamp":1,"spe', ("not_json",)),
    Bad("garbage after the object", with_speed(b"1") + b" x", ("not_json",)),
    Bad("two objects", with_speed(b"1") * 2, ("not_json",)),
    Bad("single quotes", b"{'timestamp':1}", ("not_json",)),
    Bad("a byte order mark", b"\xef\xbb\xbf" + with_speed(b"1"), ("not_json",)),
    Bad("gzip", b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\x56\x2a", ("not_utf8",)),
    Bad("a text that is not UTF-8", with_keys(b'"x":"\xff\xfe"'), ("not_utf8",)),
    Bad("a lone surrogate as UTF-8", with_keys(b'"x":"\xed\xa0\x80"'), ("not_utf8",)),
    Bad("a lone surrogate as an escape", with_keys(rb'"x":"\ud800"'), ("not_json",)),
    Bad("two surrogates the wrong way round", with_keys(rb'"x":"\udc00\ud800"'), ("not_json",)),
    Bad("U+0000 raw", with_keys(b'"x":"a\0b"'), ("not_json",)),
    Bad("U+0000 as an escape", with_keys(rb'"x":"a\u0000b"'), ("nul_character",)),
    Bad("U+0000 in a key", with_keys(rb'"a\u0000b":1'), ("nul_character",)),
    Bad("a number", b"5", ("type",)),
    Bad("null", b"null", ("type",)),
    Bad("a text", b'"speed"', ("type",)),
    Bad("a text for a number", with_speed(b'"fast"'), ("type",)),
    Bad("true for a number", with_speed(b"true"), ("type",)),
    Bad("null for a required number", with_speed(b"null"), ("type",)),
    Bad("an object for a number", with_speed(b"{}"), ("type",)),
    Bad("a missing field", b'{"timestamp":%f}' % NOW, ("required",)),
    Bad("no time", b'{"speed":5}', ("required",)),
    Bad("three faults at once", b'{"speed":-1,"battery":101}', ("required", "maximum", "minimum")),
    Bad("too small", with_speed(b"-0.001"), ("minimum",)),
    Bad("too large", with_speed(b"250.1"), ("maximum",)),
    Bad("2 to the power of 70", with_speed(b"1180591620717411303424"), ("maximum",)),
    Bad("NaN", with_speed(b"NaN"), ("not_json",)),
    Bad("Infinity", with_speed(b"Infinity"), ("not_json",)),
    Bad("1e400", with_speed(b"1e400"), ("number_range",)),
    Bad("four hundred digits", with_speed(b"9" * 400), ("number_range",)),
    Bad("five thousand digits", with_speed(b"9" * 5_000), ("number_range",)),
    Bad("depth 10,000", b"[" * DEEP + b"]" * DEEP, ("too_deep",)),
    Bad("depth 10,000 without an end", b"[" * DEEP, ("too_deep",)),
    Bad("depth 10,000 in a key", with_keys(b'"x":' + b'{"x":' * DEEP + b"1" + b"}" * DEEP), ("too_deep",)),
    Bad("depth 300", with_keys(b'"x":' + b"[" * 300 + b"]" * 300), ("too_deep",)),
    Bad("depth 300 and another fault", b'{"x":' + b"[" * 300 + b"]" * 300 + b"}", ("too_deep",)),
    Bad("1 MB", with_keys(b'"x":"%s"' % (b"x" * 1_000_000)), ("too_large",)),
    Bad("5,000 keys", with_keys(b",".join(b'"k%d":1' % key for key in range(5_000))), ("too_many_keys",)),
    Bad("20,000 readings", b"[" + b",".join([b"{}"] * 20_000) + b"]", ("too_many_readings",)),
    Bad("the year 1970", at(b"12345"), ("time_window",)),
    Bad("the year 2106", at(b"4294967295"), ("time_window",)),
    Bad("the year 2106 as a text", at(b'"2106-02-07T06:28:15Z"'), ("time_window",)),
    Bad("milliseconds", at(b"%d" % (NOW * 1e3)), ("timestamp",)),
    Bad("microseconds", at(b"%d" % (NOW * 1e6)), ("timestamp",)),
    Bad("a time that is a word", at(b'"yesterday"'), ("timestamp",)),
    Bad("the 30th of February", at(b'"2026-02-30T00:00:00Z"'), ("timestamp",)),
    Bad("a time that is true", at(b"true"), ("type",)),
    Bad("a negative sequence", with_keys(b'"seq":-1'), ("minimum",)),
    Bad("half a sequence", with_keys(b'"seq":1.5'), ("type",)),
    Bad("a sequence of 2 to the power of 70", with_keys(b'"seq":1180591620717411303424'), ("maximum",)),
    Bad("a sequence beyond bigint", with_keys(b'"seq":9223372036854775808'), ("maximum",)),
    Bad("an empty array", b" [ ] ", ("empty_array",)),
    Bad("an unknown topic", with_speed(b"1"), ("unknown_topic",), topic=b"boats/boat_01/telemetry"),
    Bad("a topic that is not UTF-8", with_speed(b"1"), ("topic_not_utf8",), topic=b"vehicles/\xff/telemetry"),
    Bad("a topic with U+0000", with_speed(b"1"), ("bad_topic",), topic=b"vehicles/v\0/telemetry"),
    Bad("an empty topic", with_speed(b"1"), ("bad_topic",), topic=b""),
    Bad("a device + in the topic", with_speed(b"1"), ("device_name",), topic=b"vehicles/+/telemetry"),
    Bad("a device # in the topic", with_speed(b"1"), ("device_name",), topic=b"vehicles/a#b/telemetry"),
    Bad("no device in the topic", with_speed(b"1"), ("device_name",), topic=b"vehicles//telemetry"),
    Bad("a device of 65 letters", with_speed(b"1"), ("device_name",), topic=b"vehicles/%s/telemetry" % (b"v" * 65)),
    Bad("a device + in the payload", from_sensor(b"a+b"), ("pattern",), topic=SENSOR_TOPIC),
    Bad("a device # in the payload", from_sensor(b"#"), ("pattern",), topic=SENSOR_TOPIC),
    Bad("a device with a line break", from_sensor(rb"a\n"), ("pattern",), topic=SENSOR_TOPIC),
    Bad("a device of 65 letters in the payload", from_sensor(b"s" * 65), ("pattern",), topic=SENSOR_TOPIC),
    Bad("a device with U+0000", from_sensor(rb"a\u0000"), ("nul_character",), topic=SENSOR_TOPIC),
    Bad("an empty device", from_sensor(b""), ("pattern",), topic=SENSOR_TOPIC),
    Bad("a device that is a number", b'{"timestamp":1,"device_id":5}', ("type",), topic=SENSOR_TOPIC),
    Bad("nothing measured", b'{"timestamp":%f,"device_id":"s"}' % NOW, ("nothing_measured",), topic=SENSOR_TOPIC),
)
# An array of which only a part is bad: what ends in quarantine, each with its own bytes and codes.
ARRAYS = (
    (b"[%s,%s]" % (GOOD_SENSOR, BAD_SENSOR), [(BAD_SENSOR, ["maximum"])]),
    (b'[ 1 , "a" , [ ] , null ]', [(b"1", ["type"]), (b'"a"', ["type"]), (b"[ ]", ["type"]), (b"null", ["type"])]),
)


def kept() -> list[tuple[bytes, bytes, list[str]]]:
    """Return what is in quarantine: topic, payload and codes."""
    return [
        (row.topic.encode(), bytes(row.payload), [reason["code"] for reason in row.reasons])
        for row in Quarantined.objects.order_by("position", "id")
    ]


def stored(model: str = "vehicle") -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM telemetry.{model}")
        ((count,),) = cursor.fetchall()
        return int(count)


def readable(topic: bytes) -> bytes:
    """Return a topic as the quarantine writes it."""
    return topic.decode("utf-8", "backslashreplace").replace("\0", "\\x00").encode()


def test_one_batch_of_all_bad_input_keeps_it_and_stores_every_good_reading_between(worker: Worker) -> None:
    messages: list[tuple[str | bytes, bytes]] = []
    for seq, bad in enumerate(BAD):
        messages += [(VEHICLE_TOPIC, with_keys(b'"seq":%d' % seq)), (bad.topic, bad.payload)]
    messages += [(SENSOR_TOPIC, payload) for payload, _ in ARRAYS]
    worker.receive(*messages, at=NOW)
    worker.work()
    expected = [(readable(bad.topic), bad.payload, list(bad.codes)) for bad in BAD]
    expected += [(SENSOR_TOPIC, *one) for _, several in ARRAYS for one in several]
    for found, wanted in zip(kept(), expected, strict=True):
        assert found == wanted
    assert (stored(), stored("sensor")) == (len(BAD), 1)
    books = worker.audit()
    assert books.balanced
    assert (books.total.stored, books.total.quarantined) == (len(BAD) + 1, len(expected))


def test_every_reason_in_quarantine_is_a_code_a_place_and_a_sentence(worker: Worker) -> None:
    worker.receive(*[(bad.topic, bad.payload) for bad in BAD], at=NOW)
    worker.work()
    for row in Quarantined.objects.all():
        for reason in row.reasons:
            assert set(reason) == {"code", "path", "detail"}
            assert reason["path"] == "" or reason["path"].startswith("/")
            assert 5 < len(reason["detail"]) <= 500


def test_a_rejection_names_its_model_and_device_as_far_as_they_are_known(worker: Worker) -> None:
    worker.receive(
        (VEHICLE_TOPIC, b"speed=5"),
        (b"vehicles/+/telemetry", with_speed(b"1")),
        (SENSOR_TOPIC, from_sensor(b"a+b")),
        (b"boats/boat_01/telemetry", b"{}"),
    )
    worker.work()
    rows = Quarantined.objects.order_by("position")
    assert [(row.model.name if row.model else None, row.version, row.device) for row in rows] == [
        ("vehicle", 1, "vehicle_01"),
        ("vehicle", 1, ""),
        ("sensor", 1, "a+b"),
        (None, None, ""),
    ]


def test_of_two_equal_keys_the_last_one_counts(worker: Worker) -> None:
    worker.receive(
        (VEHICLE_TOPIC, b'{"timestamp":%f,"speed":"x","seq":1,"speed":5}' % NOW),
        (VEHICLE_TOPIC, b'{"timestamp":%f,"speed":6,"seq":2,"speed":7}' % NOW),
        (VEHICLE_TOPIC, b'{"timestamp":%f,"speed":8,"speed":"x"}' % NOW),
        at=NOW,
    )
    worker.work()
    with connection.cursor() as cursor:
        cursor.execute("SELECT speed FROM telemetry.vehicle ORDER BY seq")
        assert cursor.fetchall() == [(5.0,), (7.0,)]
    assert worker.reasons() == [["type"]]


@pytest.mark.parametrize(("factor", "unit"), [(1e3, "milliseconds"), (1e6, "microseconds"), (1e9, "nanoseconds")])
def test_a_time_in_another_unit_is_recognised(factor: float, unit: str) -> None:
    judgement = judge([batch_of([(VEHICLE_TOPIC, at(b"%d" % (NOW * factor)))])], catalog_of())
    assert f"looks like {unit}" in judgement.rejected[0].reasons[0].detail


KEYS = ("timestamp", "speed", "seq", "device_id", "humidity", "battery")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text() | st.sampled_from(KEYS), inner, max_size=4),
    max_leaves=12,
)
TOPICS = st.sampled_from([VEHICLE_TOPIC, SENSOR_TOPIC, b"vehicles/+/telemetry", b"$SYS/broker"]) | st.binary()


@st.composite
def payloads(draw: st.DrawFn) -> bytes:
    """Anything at all, or JSON that was damaged in one place, or not."""
    if draw(st.booleans()):
        return draw(st.binary())
    data = bytearray(json.dumps(draw(JSON), ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass"))
    if draw(st.booleans()):
        place = draw(st.integers(0, len(data)))
        data[place : place + draw(st.integers(0, 2))] = draw(st.binary(max_size=2))
    return bytes(data)


@given(st.lists(st.tuples(TOPICS, payloads()), min_size=1, max_size=4))
def test_whatever_comes_in_has_an_outcome_for_each_message_and_never_raises(
    messages: list[tuple[bytes, bytes]],
) -> None:
    judgement = judge([batch_of(messages)], catalog_of())
    positions = [rejected.position for rejected in judgement.rejected]
    positions += [position for rows in judgement.rows.values() for position in rows.positions]
    assert set(positions) == set(range(len(messages)))
    assert judgement.readings == [len(positions)]
    assert all(rejected.reasons for rejected in judgement.rejected)
