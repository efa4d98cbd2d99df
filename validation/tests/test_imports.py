"""Imports: hostile files, killed processes, lost buffers, columns that are called otherwise."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.conf import settings
from django.db import connection

from validation.imports import Refused, resume, stop, unfinished
from validation.imports.advancing import A_STEP
from validation.imports.reader import MAX_RECORD, MAX_ROWS
from validation.models import DataModel, Import
from validation.publishing import publish
from validation.tests.conftest import Worker
from validation.tests.replaying import rows
from validation.tests.transferring import exported, finish, imported, importer, publish_everything, started, summed

START = int(time.time()) - 100_000
MB = 1_000_000
HEAD = "device,ts,seq,received_at,speed\n"


def lines(count: int, first: int = 0) -> str:
    return "".join(f"car_{n % 7},{START + n},{n},,{n % 900 / 4}\n" for n in range(first, first + count))


def written(folder: Path, text: str | bytes, name: str = "file.csv") -> Path:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def skipped(run: Import) -> dict[str, int]:
    return {group["code"]: group["count"] for group in run.outcome.get("skipped", ())}


def failing(run: Import) -> dict[tuple[str, str], int]:
    return {(group["code"], group["place"]): group["count"] for group in run.outcome.get("failing", ())}


def test_a_killed_import_goes_on_and_nothing_is_lost_or_doubled(worker: Worker, tmp_path: Path) -> None:
    total, written_down, unknown = 12 * MAX_ROWS + 123, A_STEP, 3
    path = written(tmp_path, HEAD + lines(total))
    run = started(path, "vehicle")
    database = settings.DATABASE_URL.rpartition("/")[0] + f"/{connection.settings_dict['NAME']}"
    command = [sys.executable, "-m", "validation.tests.dying_import", str(run.pk), worker.url]
    died = subprocess.run(
        [*command, str(written_down + unknown)],
        env=os.environ | {"DATABASE_URL": database, "DJANGO_SETTINGS_MODULE": "dataflow.settings"},
        cwd=Path(__file__).parents[2],
        stderr=subprocess.DEVNULL,
    )
    assert died.returncode == -signal.SIGKILL
    found = unfinished(path, "vehicle")
    assert found is not None
    assert (found.pk, found.state, found.sent) == (run.pk, Import.State.RUNNING, written_down * MAX_ROWS)
    run = finish(run, worker)
    assert (run.state, run.sent, run.stored + run.duplicate) == (Import.State.DONE, total, total)
    assert run.duplicate == unknown * MAX_ROWS, "what it had sent and not written down"
    assert rows("seq") == list(range(total))
    assert worker.audit().balanced
    assert worker.audit().total.received == total + unknown * MAX_ROWS


def test_a_stopped_import_goes_on_where_it_was(worker: Worker, tmp_path: Path) -> None:
    total = 20 * MAX_ROWS
    run = started(written(tmp_path, HEAD + lines(total)), "vehicle")
    importer(worker).advance(run.pk, 0)
    stop(run.pk)
    assert not importer(worker).advance(run.pk, 5)
    run.refresh_from_db()
    assert 0 < run.sent < total
    assert resume(run.pk, foreground=True)
    run = finish(run, worker)
    assert (run.sent, run.stored, run.duplicate) == (total, total, 0)


def test_what_a_buffer_loses_with_its_data_is_sent_again(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("validation.imports.advancing.ASKED_AFTER_S", 0.2)
    total = 3 * MAX_ROWS
    run = started(written(tmp_path, HEAD + lines(total)), "vehicle")
    importer(worker).advance(run.pk, 0)
    worker.client.flushall()  # and with it its identity: it is another one afterwards
    time.sleep(0.3)
    worker.buffer = worker.buffer_now()
    run = finish(run, worker)
    assert (run.state, run.stored) == (Import.State.DONE, total)
    assert rows("seq") == list(range(total))


HOSTILE = [
    ("x" * (3 * MAX_RECORD) + "\n", {"too_long": 1}),
    ('car_1,1,2,,"' + "x\n" * (MAX_RECORD // 2) + "\n", {"too_long": 1}),
    (b"car_\xff,1,2,,3\n", {"not_utf8": 1}),
    ("car_1,1,2,,3,4\n", {"cells": 1}),
    ("car_1\n\n\n", {"cells": 1}),
    ('car_1,1,2,,"3"4\n', {"quotes": 1}),
    ("\0" * 1000 + "\n", {"cells": 1}),
]


@pytest.mark.parametrize(("bad", "reasons"), HOSTILE, ids=[next(iter(codes)) for _, codes in HOSTILE])
def test_rows_that_are_none_are_left_out_and_the_others_are_not(
    worker: Worker, tmp_path: Path, bad: str | bytes, reasons: dict[str, int]
) -> None:
    data = bad if isinstance(bad, bytes) else bad.encode()
    path = written(tmp_path, HEAD.encode() + lines(700).encode() + data + lines(700, 700).encode())
    run = imported(path, "vehicle", worker)
    found = skipped(run)
    if '"x' in str(bad):  # a quote that is never closed: its own line, and those that then are no rows
        assert found.pop("cells") > 0
    assert (run.state, found) == (Import.State.DONE, reasons)
    assert rows("seq") == list(range(1_400))


def test_a_line_without_end_costs_no_memory(worker: Worker, tmp_path: Path) -> None:
    path = tmp_path / "endless.csv"
    with path.open("wb") as file:
        file.write(HEAD.encode())
        for _ in range(100):
            file.write(b'"' + b"x" * MB)
        file.write(b"\n" + lines(3).encode())
    process = psutil.Process()
    before = process.memory_info().rss
    run = imported(path, "vehicle", worker)
    assert process.memory_info().rss - before < 30 * MB
    assert (run.stored, run.skipped) == (3, 1)


REFUSED = [
    (b"", "empty"),
    (b"\xff\xfed\x00e\x00", "UTF-16"),
    (b"d\xffvice,ts\n", "not UTF-8"),
    (b"device,ts,ts\n", "Two columns"),
    (b"device,when,speed\n1,2,3\n", "no column for ts"),
    (b"ts,speed\n1,2\n", "no column for device"),
    (b"device,ts,heading\n", "no column for speed"),
    (b"device,ts" + b",x" * 3_000, "columns"),
]


@pytest.mark.parametrize(("data", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_a_file_that_cannot_be_read_is_refused_before_anything_is_sent(
    worker: Worker, tmp_path: Path, data: bytes, words: str
) -> None:
    with pytest.raises(Refused, match=words):
        started(written(tmp_path, data), "vehicle")
    assert not Import.objects.exists()


def bomb(folder: Path) -> Path:
    """Write a Parquet file of some kilobytes that unpacks to a hundred megabytes."""
    path = folder / "bomb.parquet"
    text = pa.array(["x" * (25 * MB)] * 4)
    names = {"device": pa.array(["a"] * 4), "ts": pa.array([START] * 4), "driver": text}
    pq.write_table(pa.table(names), path, compression="zstd", use_dictionary=False, write_statistics=False)
    assert path.stat().st_size < MB
    publish_everything("here")
    return path


def test_a_parquet_file_that_unpacks_to_more_than_it_may_is_refused(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("validation.imports.parquet.MAX_GROUP_BYTES", 99 * MB)
    with pytest.raises(Refused, match="smaller row groups"):
        started(bomb(tmp_path), "here")


def test_a_parquet_file_that_lies_about_its_size_ends_its_import_and_not_the_worker(
    worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("validation.imports.parquet.MAX_GROWTH", 50 * MB)
    run = imported(bomb(tmp_path), "here", worker)
    assert (run.state, run.sent) == (Import.State.FAILED, 0)
    assert "memory" in run.error
    assert imported(written(tmp_path, HEAD + lines(3)), "vehicle", worker).stored == 3


def test_long_texts_make_no_large_envelope_and_the_longest_no_message(worker: Worker, tmp_path: Path) -> None:
    path = tmp_path / "long.parquet"
    texts = pa.array(["x" * MAX_RECORD, *["x" * 200_000] * 50])
    count = len(texts)
    names = {"device": pa.array(["a"] * count), "ts": pa.array(range(START, START + count)), "driver": texts}
    pq.write_table(pa.table(names), path)
    publish_everything("here")
    run = imported(path, "here", worker)
    assert (run.state, run.sent, run.quarantined) == (Import.State.DONE, 50, 50)
    assert skipped(run) == {"too_long": 1}
    assert failing(run) == {("maxLength", "/driver"): 50}
    assert worker.client.xinfo_stream("dataflow:batches")["entries-added"] == 3


@pytest.mark.parametrize("data", [b"PAR1", b"PAR1" + b"\xff" * 64 + b"PAR1", b"x" * 1000])
def test_what_is_no_parquet_is_refused(worker: Worker, tmp_path: Path, data: bytes) -> None:
    with pytest.raises(Refused, match="no Parquet"):
        started(written(tmp_path, data, "file.parquet"), "vehicle")


def test_a_dry_run_says_what_would_become_of_it_and_stores_nothing(worker: Worker, tmp_path: Path) -> None:
    DataModel.objects.filter(name="vehicle").update(past_s=3_600)
    publish(DataModel.objects.get(name="vehicle"))
    now = time.time()
    text = f"device,ts,speed,colour\na,{now},1,red\na,{now - 7_200},2,red\na,{now},999,red\na,{now},fast,red\n"
    run = imported(written(tmp_path, text), "vehicle", worker, dry_run=True)
    assert (run.state, run.sent, run.stored, run.quarantined) == (Import.State.DONE, 4, 1, 3)
    assert failing(run) == {("time_window", "/timestamp"): 1, ("maximum", "/speed"): 1, ("type", "/speed"): 1}
    assert run.unread == ["colour"]
    assert worker.audit().total.received == 0


def test_what_does_not_pass_is_in_quarantine_with_its_reason(worker: Worker, tmp_path: Path) -> None:
    text = f"device,ts,speed\na,{START},1\na,{START + 1},999\na/b,{START + 2},3\n,{START + 3},3\n"
    run = imported(written(tmp_path, text), "vehicle", worker)
    assert (run.sent, run.stored, run.quarantined) == (4, 1, 3)
    assert failing(run) == {("maximum", "/speed"): 1, ("unknown_topic", ""): 1, ("device_name", ""): 1}
    assert sorted(worker.reasons()) == [["device_name"], ["maximum"], ["unknown_topic"]]
    assert worker.audit().balanced


def test_a_file_of_others_is_read_by_a_mapping(worker: Worker, tmp_path: Path) -> None:
    text = '\ufeffwhen;v;remark\r\n2026-11-01 10:00:00;12.5;"a;b"\r\n2026-11-01 10:00:01;13;\r\n'
    said = {"mapping": {"ts": "when", "speed": "v"}, "device": "road"}
    run = imported(written(tmp_path, text), "vehicle", worker, **said)
    assert (run.stored, run.unread) == (2, ["remark"])
    assert rows("speed") == [12.5, 13.0]
    with pytest.raises(Refused, match="no column 'w'"):
        started(written(tmp_path, text), "vehicle", mapping={"ts": "w"})
    with pytest.raises(Refused, match="no 'sped'"):
        started(written(tmp_path, text), "vehicle", mapping={"sped": "v"})


def test_line_protocol_is_read_with_its_nanoseconds(worker: Worker, tmp_path: Path) -> None:
    stamp = START * 10**9
    text = "\n".join(
        [
            "# a comment",
            f"vehicle,device=a,lane=2 speed=12.5,seq=7i {stamp}",
            f"vehicle,device=a speed=13 {stamp + 123_457_000}",
            f"boat,device=a speed=1 {stamp}",
            "vehicle,device=a speed=",
            f"vehicle,device=b\\ c speed=1 {stamp}",
        ]
    )
    run = imported(written(tmp_path, text, "file.lp"), "vehicle", worker)
    assert (run.state, run.stored, run.quarantined) == (Import.State.DONE, 2, 1)
    assert skipped(run) == {"measurement": 1, "line": 1}
    assert rows("(extract(epoch FROM ts) * 1000000)::bigint, seq, speed") == [
        (START * 10**6, 7, 12.5),
        (START * 10**6 + 123_457, 0, 13.0),
    ]


def test_of_a_model_whose_time_is_receipt_the_rows_keep_their_times(worker: Worker, tmp_path: Path) -> None:
    settings: dict[str, Any] = {"time_source": "receipt", "sequence_key": ""}
    publish_everything("here", **settings)
    publish_everything("there", **settings)
    worker.receive(*[("here/a/telemetry", {"speed": n}) for n in range(5)], at=START + 0.25)
    worker.work()
    path = written(tmp_path, exported("here") + b"a,tomorrow,1,,1,,,,,,,,\n")
    run = imported(path, "there", worker)
    assert (run.stored, skipped(run)) == (5, {"time": 1})
    assert summed("there") == summed("here")
