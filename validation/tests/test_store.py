"""Rows into the tables: sorted, once, and with the guilty ones left out."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import numpy as np
import orjson
import pytest
from django.db import IntegrityError, connection, transaction
from msgspec.structs import replace

from ingest.envelope import Batch
from validation.columns import Columns, columns_of, without
from validation.moments import EPOCH, MICROSECOND
from validation.pipeline import judge
from validation.spec import FieldSpec, ModelSpec
from validation.store import Manner, SomeStored, insert
from validation.tables import ensure_partitions, ensure_table
from validation.tests.judging import NOW, catalog_of

FIELDS = (
    FieldSpec(name="number", kind="number"),
    FieldSpec(name="integer", kind="integer"),
    FieldSpec(name="boolean", kind="boolean"),
    FieldSpec(name="text", kind="text"),
    FieldSpec(name="choice", kind="choice", choices=("ja", "né 🚐")),
    FieldSpec(name="moment", kind="timestamp"),
    FieldSpec(name="place", kind="point", path="gps"),
)
VAN = ModelSpec(name="van", topic_filter="vans/+", fields=FIELDS)
IDS = {"a": 3, "b": 1, "c": 2}
Reading = tuple[str, float, int, dict[str, Any]]  # device, seconds after NOW, sequence, values


def columns_from(*entries: list[Reading], spec: ModelSpec = VAN) -> Columns:
    """Return what the worker makes of some batches, which all pass."""
    batches = []
    for readings in entries:
        topics = [f"vans/{device}".encode() for device, *_ in readings]
        payloads = [
            orjson.dumps({"timestamp": NOW + after, "seq": seq, **values}) for _, after, seq, values in readings
        ]
        received = [NOW + place / 1e6 for place in range(len(readings))]
        batches.append(Batch(1, "test", 1, received, topics, payloads))
    judgement = judge(batches, catalog_of(spec))
    assert judgement.rejected == []
    return columns_of(judgement.rows[spec.name], IDS)


def days_of(columns: Columns) -> list[Any]:
    return [(EPOCH + day * 86_400_000_000 * MICROSECOND).date() for day in sorted(columns.days)]


def ready(columns: Columns) -> Columns:
    """Make the table and the days that some rows need."""
    ensure_table(columns.rows.model.spec)
    ensure_partitions("van", days_of(columns))
    return columns


def stored(names: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {names} FROM telemetry.van ORDER BY device_id, ts, seq")
        return list(cursor.fetchall())


def test_rows_are_sorted_by_device_time_and_sequence_and_keep_their_place_of_origin() -> None:
    readings: list[Reading] = [
        (device, after, seq, {"integer": number})
        for number, (device, after, seq) in enumerate(
            (device, after, seq) for device in "abc" for after in (-5.5, 0, 7) for seq in (0, 1, 2)
        )
    ]
    random.Random(5).shuffle(readings)
    columns = columns_from(readings[:9], readings[9:11], readings[11:])
    keys = list(zip(columns.devices.tolist(), columns.micros.tolist(), columns.seqs.tolist(), strict=True))
    assert keys == sorted(keys)
    numbers = {field.name: values for field, values in columns.values}["integer"]
    for place, origin in enumerate(columns.order.tolist()):
        device, after, seq, values = readings[origin]
        assert keys[place] == (IDS[device], round((NOW + after) * 1e6), seq)
        assert numbers[place] == values["integer"]
        assert columns.entries[place] == (0 if origin < 9 else 1 if origin < 11 else 2)
        position = origin - (0, 9, 11)[columns.entries[place]]
        assert columns.received[place] == round((NOW + position / 1e6) * 1e6)


def test_the_days_of_rows_are_days_in_utc() -> None:
    columns = columns_from([("a", 0, 0, {}), ("a", -86_400, 0, {}), ("b", 1, 0, {})])
    assert [str(day) for day in days_of(columns)] == ["2025-10-08", "2025-10-09"]


def test_a_model_without_a_sequence_key_stores_zero() -> None:
    spec = ModelSpec(name="van", topic_filter="vans/+", fields=FIELDS, sequence_key="")
    assert columns_from([("a", 0, 5, {}), ("a", 1, 6, {})], spec=spec).seqs.tolist() == [0, 0]


@pytest.mark.django_db
def test_every_kind_of_value_is_stored_as_it_came_and_what_is_missing_is_null() -> None:
    values = {"number": 0.1 + 0.2, "integer": 2**63 - 1, "boolean": False, "text": "👩‍🔧\n'", "choice": "né 🚐"}
    moment = "2025-10-09T10:00:00.123456+02:00"
    whole = values | {"moment": moment, "gps": {"lat": 52.5, "lon": -0.1}}
    columns = columns_from([("a", 0, 1, whole), ("a", 1, 2, {}), ("a", 2, 3, {"boolean": None})])
    assert insert(ready(columns)).duplicates == {}
    nothing = (None,) * 7
    assert stored("seq, version, number, integer, boolean, text, choice, moment at time zone 'UTC', place") == [
        (1, 1, *values.values(), EPOCH.replace(2025, 10, 9, 8, 0, 0, 123_456, tzinfo=None), "(-0.1,52.5)"),
        (2, 1, *nothing),
        (3, 1, *nothing),
    ]


@pytest.mark.django_db
def test_what_no_path_names_is_stored_as_json_where_the_model_keeps_it() -> None:
    spec = replace(VAN, unknown="keep")
    readings: list[Reading] = [("a", 0, 1, {"rssi": -70, "gps": {"alt": 5}}), ("a", 1, 2, {}), ("a", 2, 3, {"ü": []})]
    columns = columns_from(readings, spec=spec)
    assert insert(ready(columns)).duplicates == {}
    assert stored("extra") == [('{"gps": {"alt": 5}, "rssi": -70}',), (None,), ('{"ü": []}',)]
    assert without(columns, [0]).extra == [None, '{"ü":[]}'.encode()]


RECEIVED = replace(VAN, time_source="receipt")


def test_readings_that_were_received_at_one_moment_are_told_apart_and_keep_their_order() -> None:
    payloads = [
        b'{"number":1}',
        b'{"number":2}',
        b'{"number":2}',
        b'{"number":1,"seq":7}',
        b'[{"number":1},{"number":3}]',
    ]
    batch = Batch(1, "test", 1, [NOW] * 5, [b"vans/a"] * 5, payloads)
    columns = columns_of(judge([batch], catalog_of(RECEIVED)).rows["van"], IDS)
    assert set(columns.micros.tolist()) == {NOW * 1e6}
    assert len(set(columns.seqs.tolist())) == 6
    numbers = {field.name: values for field, values in columns.values}["number"]
    given = columns.seqs.tolist().index(7)
    assert numbers[given] == 1
    assert numbers[:given] + numbers[given + 1 :] == [1, 2, 2, 1, 3]


def test_a_reading_received_with_others_differs_from_them_also_when_it_comes_back_alone() -> None:
    def seqs(*payloads: bytes) -> list[int]:
        batch = Batch(1, "test", 1, [NOW] * len(payloads), [b"vans/a"] * len(payloads), list(payloads))
        found: list[int] = columns_of(judge([batch], catalog_of(RECEIVED)).rows["van"], IDS).seqs.tolist()
        return found

    assert seqs(b'{"number":1}') == seqs(b'{"number":1}')
    assert seqs(b'{"number":1}')[0] not in seqs(b'{"number":2}', b'{"number":1}')


@pytest.mark.django_db
@pytest.mark.parametrize("manner", [Manner.EITHER, Manner.TELLING, Manner.ISOLATED])
def test_duplicates_are_counted_by_the_entry_and_device_that_brought_them(manner: Manner) -> None:
    insert(ready(columns_from([("a", 0, 0, {"integer": 1}), ("b", 0, 0, {"integer": 2})])))
    inserted = insert(
        columns_from(
            [("a", 0, 0, {"integer": 3}), ("c", 0, 0, {"integer": 4}), ("c", 0, 0, {"integer": 5})],
            [("c", 0, 0, {"integer": 6}), ("c", 0, 1, {"integer": 7}), ("b", 0, 0, {}), ("b", 0, 0, {})],
        ),
        manner,
    )
    assert inserted.refused == {}
    assert inserted.duplicates == Counter({(0, 3): 1, (0, 2): 1, (1, 2): 1, (1, 1): 2})
    # What was there first stays: the row of an earlier chunk, and of a chunk the first to come.
    assert stored("device_id, seq, integer") == [(1, 0, 2), (2, 0, 4), (2, 1, 7), (3, 0, 1)]


@pytest.mark.django_db
def test_one_microsecond_or_one_step_of_the_sequence_makes_another_reading() -> None:
    columns = columns_from([("a", 0, 0, {}), ("a", 1e-6, 0, {}), ("a", 0, 1, {}), ("b", 0, 0, {})])
    assert insert(ready(columns)).duplicates == {}
    assert len(stored("seq")) == 4


@pytest.mark.django_db
def test_rows_that_were_said_to_be_new_and_are_not_are_an_error_and_none_is_stored() -> None:
    insert(ready(columns_from([("a", 0, 0, {"integer": 1})])))
    with pytest.raises(SomeStored), transaction.atomic():
        insert(ready(columns_from([("a", 0, 0, {"integer": 2}), ("a", 1, 0, {"integer": 3})])), Manner.NEW)
    assert stored("integer") == [(1,)]
    insert(ready(columns_from([("a", 1, 0, {"integer": 3})])), Manner.NEW)
    assert stored("integer") == [(1,), (3,)]


@pytest.mark.django_db
def test_what_postgresql_refuses_is_an_error_and_when_isolated_left_out_with_its_words() -> None:
    good: list[Reading] = [("a", second, 0, {"number": second}) for second in range(30)]
    ready(columns_from(good))
    far: list[Reading] = [("b", -86_400.0 * day, 0, {"number": 1}) for day in (40, 50)]  # days that nobody made
    columns = columns_from([*good[:10], far[0], *good[10:20]], [*good[20:], far[1], good[0]])
    with pytest.raises(IntegrityError), transaction.atomic():
        insert(columns)
    assert stored("number") == []
    with transaction.atomic():
        inserted = insert(columns, Manner.ISOLATED)
    assert [columns.devices[place] for place in inserted.refused] == [IDS["b"], IDS["b"]]
    assert all("no partition" in words and "\n" not in words for words in inserted.refused.values())
    assert inserted.duplicates == Counter({(1, IDS["a"]): 1})
    assert stored("number") == [(float(second),) for second in range(30)]
    left = without(columns, inserted.refused)
    assert len(left) == len(columns) - 2
    assert IDS["b"] not in left.devices


@pytest.mark.usefixtures("transactional_db")
def test_a_refused_row_does_not_hide_a_good_one_with_the_same_key() -> None:
    """The table refuses one value of two readings that share a key; the other one is new, not a duplicate."""
    columns = ready(columns_from([("a", 0, 0, {"number": -1}), ("a", 0, 0, {"number": 1}), ("a", 0, 0, {"number": 2})]))
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE telemetry.van ADD CHECK (number >= 0)")
    inserted = insert(columns, Manner.ISOLATED)
    assert list(inserted.refused) == [0]
    assert inserted.duplicates == Counter({(0, IDS["a"]): 1})
    assert stored("number") == [(1.0,)]


def test_without_leaves_out_rows_in_every_column() -> None:
    readings: list[Reading] = [("a", second, second, {"integer": second, "text": str(second)}) for second in range(6)]
    columns = columns_from(readings[:3], readings[3:])
    left = without(columns, [0, 4])
    assert left.order.tolist() == left.seqs.tolist() == [1, 2, 3, 5]
    assert left.micros.tolist() == [round((NOW + second) * 1e6) for second in (1, 2, 3, 5)]
    assert left.entries.tolist() == [0, 0, 1, 1]
    assert len(left.devices) == len(left.received) == len(left) == 4
    assert {field.name: values for field, values in left.values if field.name in ("integer", "text")} == {
        "integer": [1, 2, 3, 5],
        "text": ["1", "2", "3", "5"],
    }
    assert np.array_equal(without(left, []).order, left.order)
    assert len(columns) == 6
