"""Playing back a recorded series."""

import json
from pathlib import Path
from typing import Any

import pytest

from simulators.profiles import SENSOR, VEHICLE
from simulators.replay import Point, ReplaySource, SeriesError, read_series

SERIES = [Point(1_441_711_140.0 + 300 * index, 50.0 + index) for index in range(1200)]


def write(folder: Path, text: str) -> Path:
    path = folder / "series.csv"
    path.write_text(text, encoding="utf-8")
    return path


def decoded(payloads: list[bytes]) -> list[dict[str, Any]]:
    return [json.loads(payload) for payload in payloads]


def test_a_time_without_zone_is_utc(tmp_path: Path) -> None:
    path = write(
        tmp_path, "timestamp,value\n2015-09-08 11:39:00,73\n2015-09-08T13:44:00.5+02:00,62.5\n1441712400,1e2\n"
    )
    assert read_series(path) == [(1_441_712_340.0, 73.0), (1_441_712_640.5, 62.5), (1_441_712_400.0, 100.0)]


def test_other_columns_a_byte_order_mark_and_blank_lines_do_no_harm(tmp_path: Path) -> None:
    path = write(tmp_path, "\ufeffsensor,value,timestamp\nx,1,2015-09-08 11:39:00\n\nx,2,2015-09-08 11:44:00\n")
    assert [point.value for point in read_series(path)] == [1.0, 2.0]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("timestamp,value\n2015-09-08 11:39:00,73\nyesterday,4\n", "line 3: Invalid isoformat string: 'yesterday'"),
        ("timestamp,value\n2015-09-08 11:39:00,fast\n", "line 2: could not convert string to float: 'fast'"),
        ("timestamp,value\n2015-09-08 11:39:00,nan\n", "line 2: 'nan' is no finite number"),
        ("timestamp,value\n2015-09-08 11:39:00,1e999\n", "line 2: '1e999' is no finite number"),
        ("timestamp,value\n2015-09-08 11:39:00\n", "line 2: could not convert string to float: ''"),
        ("timestamp,value\n1e300,1\n", "line 2: "),
        ("timestamp,value\nnan,1\n", "line 2: "),
        ("time,value\n2015-09-08 11:39:00,1\n", "line 1: no column timestamp"),
        ("timestamp,speed\n", "line 1: no column value"),
        ("", "line 1: no column timestamp and no column value"),
        ("timestamp,value\n", "no rows"),
    ],
)
def test_a_bad_file_is_refused_with_the_line_that_is_wrong(tmp_path: Path, text: str, complaint: str) -> None:
    path = write(tmp_path, text)
    with pytest.raises(SeriesError) as caught:
        read_series(path)
    assert complaint in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_file_that_is_missing_or_no_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SeriesError, match=r"none\.csv"):
        read_series(tmp_path / "none.csv")
    (tmp_path / "binary.csv").write_bytes(b"timestamp,value\n\xff\xfe,1\n")
    with pytest.raises(SeriesError, match=r"binary\.csv"):
        read_series(tmp_path / "binary.csv")


def test_a_row_keeps_its_time_and_gets_its_place_in_the_file_as_sequence_number() -> None:
    source = ReplaySource(SERIES[:2], VEHICLE, "road_1", "speed")
    assert decoded(source.take(0.0, 0.0, 100).payloads) == [
        {"timestamp": 1_441_711_140.0, "seq": 1, "speed": 50.0},
        {"timestamp": 1_441_711_440.0, "seq": 2, "speed": 51.0},
    ]
    assert source.next_at() is None


def test_a_sensor_field_makes_a_sensor_payload() -> None:
    source = ReplaySource(SERIES[:1], SENSOR, "tank_1", "distance")
    assert decoded(source.take(0.0, 0.0, 100).payloads) == [
        {"device_id": "tank_1", "timestamp": "2015-09-08T11:19:00.000", "seq": 1, "distance": 50.0}
    ]


def test_without_speedup_everything_is_due_at_once_but_never_more_than_fits() -> None:
    source = ReplaySource(SERIES, VEHICLE, "road_1", "speed")
    took = [len(source.take(0.0, 0.0, room).payloads) for room in (30, 0, 10_000, 10_000, 10_000)]
    assert took == [30, 0, 500, 500, 170]
    assert source.next_at() is None


def test_a_full_outbox_is_looked_at_again_soon() -> None:
    source = ReplaySource(SERIES, VEHICLE, "road_1", "speed")
    source.take(7.0, 0.0, 0)
    assert source.next_at() == pytest.approx(7.05)


def test_speedup_1_keeps_the_recorded_intervals_and_600_plays_ten_minutes_in_a_second() -> None:
    for speedup, second_due in ((1.0, 300.0), (600.0, 0.5)):
        source = ReplaySource(SERIES, VEHICLE, "road_1", "speed", speedup=speedup)
        assert len(source.take(0.0, 0.0, 100).payloads) == 1
        assert source.next_at() == pytest.approx(second_due)
        assert len(source.take(second_due, 0.0, 100).payloads) == 1


def test_shift_moves_every_time_and_until_ends_the_replay() -> None:
    source = ReplaySource(SERIES, VEHICLE, "road_1", "speed", speedup=300.0, shift=1000.0, until=1.5)
    times = []
    while (due := source.next_at()) is not None:
        times += [reading["timestamp"] for reading in decoded(source.take(due, 0.0, 100).payloads)]
    assert times == [1_441_712_140.0, 1_441_712_440.0]
