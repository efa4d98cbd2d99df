"""One reading followed through its hops: stored, sent twice, refused, replayed, on its way, and nowhere."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from ingest.ring import RECEIVED
from validation import settling, trails
from validation.management.commands.trace import Command
from validation.models import LedgerEntry, LedgerTrail, Quarantined, ReadingNote, Replay
from validation.moments import moment
from validation.streams import StreamReader
from validation.tests import replaying
from validation.tests.conftest import Worker
from validation.trace import Found, State, Trace, trace

TOPIC = "vehicles/vehicle_01/telemetry"
AN_HOUR = 3600.0


def at(number: int) -> datetime:
    """The event time of a reading."""
    return moment(round((replaying.START + number) * 1e6))


def traced(worker: Worker, number: int, device: str = "vehicle_01", **options: Any) -> Trace:
    return trace([worker.url], device, at(number), **options)


def reading_of(found: Trace) -> Found:
    assert found.reading is not None, found
    return found.reading


def names(found: Trace) -> list[str]:
    return [hop.name for hop in reading_of(found).hops]


def test_a_stored_reading_names_its_bridge_buffer_entry_minute_and_version(worker: Worker) -> None:
    came = time.time() - 5
    worker.receive((TOPIC, replaying.reading(1)), at=came - 1)
    worker.receive((TOPIC, replaying.reading(2)), (TOPIC, replaying.reading(9)), at=came)
    [_, entry] = StreamReader(worker.client).new(10)
    worker.work()
    found = traced(worker, 2)
    reading = reading_of(found)
    assert (reading.state, reading.seq, reading.version, reading.repeats) == (State.STORED, 2, 1, 0)
    assert names(found) == ["measured", "received", "buffered", "stored"]
    measured, received, buffered, stored = reading.hops
    assert (measured.at, received.at) == (at(2), moment(round(came * 1e6)))
    assert received.details == {"source": "test"}
    expected = {"buffer": worker.buffer, "entry": entry.name, "minute": int(time.time() // 60), "source": "test"}
    assert buffered.details.items() >= {key: expected[key] for key in ("buffer", "entry", "source")}.items()
    assert buffered.at == moment(entry.id[0] * 1000)
    assert stored.at is not None
    assert buffered.at <= stored.at <= datetime.now(UTC) + timedelta(seconds=1)
    assert reading.values == {"speed": 50.0}


def test_a_settled_entry_is_found_as_before(worker: Worker) -> None:
    worker.receive((TOPIC, replaying.reading(1)))
    worker.work()
    before = traced(worker, 1)
    settling.settle(worker.client, worker.buffer, now=time.time() + AN_HOUR)
    assert not LedgerEntry.objects.exists()
    assert traced(worker, 1) == before
    worker.receive((TOPIC, replaying.reading(2)))
    worker.work()
    settling.settle(worker.client, worker.buffer, now=time.time() + AN_HOUR)
    assert traced(worker, 1).reading == before.reading, "the second settlement added to what the minute had"
    assert names(traced(worker, 2)) == names(before)


def test_without_its_trail_a_reading_has_its_minute(worker: Worker) -> None:
    came = time.time()
    worker.receive((TOPIC, replaying.reading(1)), at=came)
    worker.work()
    settling.settle(worker.client, worker.buffer, now=time.time() + AN_HOUR)
    assert trails.prune(came) == 0
    assert trails.prune(came + (trails.KEEP_DAYS + 1) * 86_400) == 1
    found = traced(worker, 1)
    assert names(found) == ["measured", "received", "buffered", "stored"]
    buffered = reading_of(found).hops[2]
    assert buffered.at is None
    assert f"counted under {moment(int(came // 60) * 60_000_000):%Y-%m-%d %H:%M} UTC" in buffered.words


def test_a_reading_that_came_again_says_how_often_when_and_with_which_entry(worker: Worker) -> None:
    worker.receive((TOPIC, replaying.reading(1)), (TOPIC, replaying.reading(2)))
    worker.work()
    worker.receive((TOPIC, replaying.reading(1)), (TOPIC, replaying.reading(1)), at=time.time() + 1)
    [entry] = StreamReader(worker.client).new(10)
    worker.work()
    found = traced(worker, 1)
    assert (reading_of(found).state, reading_of(found).repeats) == (State.STORED, 2)
    repeat = reading_of(found).hops[-1]
    assert (repeat.name, repeat.details["entries"]) == ("repeated", [f"{worker.buffer} {entry.name}"])
    assert reading_of(traced(worker, 2)).repeats == 0


def test_two_copies_in_one_batch_are_one_row_and_a_repeat(worker: Worker) -> None:
    worker.receive((TOPIC, replaying.reading(1)), (TOPIC, [replaying.reading(1), replaying.reading(2)]))
    worker.work()
    assert [reading_of(traced(worker, number)).repeats for number in (1, 2)] == [1, 0]


def test_a_quarantined_reading_is_found_by_what_its_bytes_say(worker: Worker) -> None:
    worker.receive((TOPIC, replaying.reading(1)), (TOPIC, replaying.reading(2, speed=999)))
    [entry] = StreamReader(worker.client).new(10)
    worker.work()
    found = traced(worker, 2)
    reading = reading_of(found)
    assert (reading.state, reading.model, reading.version, reading.seq) == (State.QUARANTINED, "vehicle", 1, 2)
    assert [reason["code"] for reason in reading.reasons] == ["maximum"]
    assert reading.record == Quarantined.objects.get().pk
    assert names(found) == ["measured", "received", "buffered", "quarantined"]
    assert reading.hops[2].details["entry"] == entry.name
    assert reading.hops[2].details["position"] == 1


def test_what_says_no_time_is_found_by_when_it_came(worker: Worker) -> None:
    worker.receive((TOPIC, b"no json"), ("boats/vehicle_01", b"{}"), at=time.time())
    worker.work()
    found = trace([worker.url], "vehicle_01", datetime.now(UTC))
    assert {item.state for item in found.candidates} == {State.QUARANTINED}
    assert len(found.candidates) == 2
    assert reading_of(trace([worker.url], "vehicle_01", datetime.now(UTC), model="vehicle")).ts is None


def test_a_replayed_reading_says_which_replay_stored_it_and_when(worker: Worker) -> None:
    replaying.limit_speed(40)
    worker.receive((TOPIC, replaying.reading(1)), (TOPIC, replaying.reading(2, speed=30)))
    worker.work()
    assert reading_of(traced(worker, 1)).state == State.QUARANTINED
    replaying.limit_speed(250)
    run = replaying.replayed()
    found = traced(worker, 1)
    assert (reading_of(found).state, reading_of(found).version) == (State.STORED, 3)
    assert names(found) == ["measured", "received", "buffered", "judged", "replayed"]
    judged, replayed = reading_of(found).hops[-2:]
    assert (judged.details["verdict"], replayed.details["replay"]) == ("quarantined", run.pk)
    assert judged.at is not None
    assert replayed.at is not None
    assert judged.at < replayed.at
    assert names(traced(worker, 2))[-1] == "stored", "its neighbour never was in quarantine"


def test_a_replay_that_only_looks_leaves_no_note(worker: Worker) -> None:
    worker.receive((TOPIC, replaying.reading(1, speed=999)))
    worker.work()
    replaying.limit_speed(2000)
    assert replaying.replayed(dry_run=True).state == Replay.State.DONE
    assert not ReadingNote.objects.exists()


def test_a_reading_on_its_way_says_where_and_who_holds_it(worker: Worker) -> None:
    worker.receive((TOPIC, replaying.reading(1)), ("vehicles/other/telemetry", replaying.reading(200)))
    found = traced(worker, 1)
    assert reading_of(found).state == State.IN_FLIGHT
    assert names(found) == ["measured", "received", "buffered", "waiting"]
    assert reading_of(found).hops[2].details["buffer"] == worker.buffer
    assert reading_of(found).hops[3].words == "no worker has taken it yet"
    StreamReader(worker.client).new(10)
    assert "a worker holds it" in reading_of(traced(worker, 1)).hops[3].words
    assert reading_of(traced(worker, 200, "other")).state == State.IN_FLIGHT
    assert traced(worker, 200).reading is None


def test_a_reading_that_is_nowhere_says_what_to_do(worker: Worker) -> None:
    worker.receive((TOPIC, replaying.reading(1)))
    worker.work()
    found = traced(worker, 500)
    assert (found.reading, found.candidates) == (None, [])
    said = " ".join(found.advice)
    assert "within 1 s" in said
    assert "device's outbox" in said
    assert "newest reading" in said
    assert "not registered" in " ".join(traced(worker, 1, "vehicle_99").advice)
    away = trace([worker.url, "redis://127.0.0.1:9/0"], "vehicle_01", at(500))
    assert "Buffers that do not answer may hold it: redis://127.0.0.1:9/0" in " ".join(away.advice)


def test_readings_of_one_moment_are_candidates_until_one_is_named(worker: Worker) -> None:
    worker.receive(*[(TOPIC, replaying.reading(1) | {"seq": seq}) for seq in (1, 2)])
    worker.work()
    found = traced(worker, 1)
    assert found.reading is None
    assert [item.seq for item in found.candidates] == [1, 2]
    assert reading_of(traced(worker, 1, seq=2)).seq == 2
    assert traced(worker, 1, seq=3).reading is None
    assert traced(worker, 1, model="sensor").reading is None


def test_the_nearest_reading_within_a_second_is_followed(worker: Worker) -> None:
    worker.receive((TOPIC, replaying.reading(1)), (TOPIC, replaying.reading(2)))
    worker.work()
    found = trace([worker.url], "vehicle_01", at(1) + timedelta(milliseconds=300))
    assert reading_of(found).seq == 1
    assert reading_of(found).off_s == pytest.approx(-0.3)
    assert [item.seq for item in found.candidates] == [2]


def test_entries_received_in_the_same_microsecond_are_all_named(worker: Worker) -> None:
    came = time.time()
    worker.receive((TOPIC, replaying.reading(1)), at=came)
    worker.receive((TOPIC, replaying.reading(2)), at=came)
    worker.work()
    found = reading_of(traced(worker, 1))
    assert [hop.name for hop in found.hops].count("buffered") == 2
    assert "one of 2 entries" in found.hops[2].words
    assert found.hops[-1].at is None, "which of the two verdicts stored it is not known"


def test_a_trail_gives_back_what_it_was_given() -> None:
    received = [1_795_248_000.000_001 + n / 7 for n in range(500)]
    source, moments = trails.unpack(trails.pack("brücke", received + received[:3]))
    assert source == "brücke"
    assert moments.tolist() == [round(value * 1e6) for value in received]
    assert len(trails.pack("x", [1.0] * 500)) == 10, "readings that came at once share a moment"
    assert trails.unpack(b"")[1].tolist() == []


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = 0
    try:
        Command().run_from_argv(["manage.py", "trace", *arguments])
    except SystemExit as end:
        code = int(end.code or 0)
    out, err = capsys.readouterr()
    return code, out, err


def test_the_command_takes_both_kinds_of_time_and_ends_with_1_when_nothing_is_found(
    worker: Worker, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "BUFFER_URLS", [worker.url])
    worker.receive((TOPIC, replaying.reading(1)), (TOPIC, replaying.reading(2, speed=999)))
    worker.work()
    code, out, err = run(capsys, "vehicle_01", str(replaying.START + 1), "--json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert document["reading"]["state"] == "stored"
    assert [hop["name"] for hop in document["reading"]["hops"]][-1] == "stored"
    code, out, _ = run(capsys, "vehicle_01", at(2).isoformat())
    assert code == 0
    assert "quarantined" in out
    assert "(maximum)" in out
    code, out, err = run(capsys, "vehicle_01", "2026-01-01T00:00:00")
    assert (code, out.strip()) == (1, "")
    assert "outbox" in err
    assert run(capsys, "vehicle_01", "yesterday")[0] == 2


def test_a_database_of_before_trails_is_traced_as_far_as_it_goes(worker: Worker) -> None:
    worker.receive((TOPIC, replaying.reading(1)))
    worker.work()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE validation_ledgerentry SET trail = ''")
    assert names(traced(worker, 1)) == ["measured", "received", "buffered", "stored"]
    settling.settle(worker.client, worker.buffer, now=time.time() + AN_HOUR)
    assert names(traced(worker, 1)) == ["measured", "received", "buffered", "stored"]
    assert LedgerTrail.objects.count() == 1
    assert worker.client.hlen(RECEIVED) == 0
