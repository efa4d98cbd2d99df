"""Nothing leaves the outbox unless it may."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators import outbox as outbox_module
from simulators.outbox import Outbox, OutboxError

ROOT = Path(__file__).resolve().parents[2]


def numbers(count: int, start: int = 1) -> list[bytes]:
    return [b"%d" % number for number in range(start, start + count)]


def left(outbox: Outbox) -> list[bytes]:
    return [row.payload for row in outbox.after(0, 100_000)]


def rows_in_file(path: Path) -> int:
    with sqlite3.connect(path) as db:
        (count,) = db.execute("SELECT count(*) FROM outbox").fetchone()
    return int(count)


def test_rows_come_out_in_the_order_in_which_they_went_in(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "a.sqlite3")
    outbox.put("t", numbers(3))
    outbox.put("u", numbers(2, 4))
    assert [(row.topic, row.payload) for row in outbox.after(0, 10)] == [
        ("t", b"1"), ("t", b"2"), ("t", b"3"), ("u", b"4"), ("u", b"5"),
    ]  # fmt: skip
    assert [row.payload for row in outbox.after(2, 2)] == [b"3", b"4"]


def test_a_full_outbox_drops_its_oldest_and_says_how_many(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "a.sqlite3", limit=5)
    assert outbox.put("t", numbers(4)) == 0
    assert outbox.put("t", numbers(3, 5)) == 2
    assert left(outbox) == numbers(5, 3)
    assert outbox.put("t", numbers(12, 8)) == 12
    assert left(outbox) == numbers(5, 15)
    assert (outbox.waiting, outbox.room) == (5, 0)


def test_acknowledged_rows_make_room_before_anything_is_dropped(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "a.sqlite3", limit=3)
    outbox.put("t", numbers(3))
    assert outbox.acknowledge(1)
    assert outbox.put("t", numbers(1, 4)) == 0
    assert left(outbox) == numbers(3, 2)


def test_a_dropped_row_cannot_be_acknowledged_any_more(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "a.sqlite3", limit=2)
    outbox.put("t", numbers(3))
    assert not outbox.acknowledge(1)
    assert outbox.acknowledge(2)
    assert not outbox.acknowledge(2)
    assert outbox.waiting == 1


def test_an_acknowledged_row_is_never_given_out_again_and_leaves_the_file_with_the_next_write(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite3"
    outbox = Outbox(path)
    outbox.put("t", numbers(4))
    outbox.acknowledge(2)
    assert left(outbox) == [b"1", b"3", b"4"]
    assert [row.payload for row in outbox.after(0, 2)] == [b"1", b"3"]
    assert rows_in_file(path) == 4
    outbox.settle()
    assert rows_in_file(path) == 3
    outbox.acknowledge(1)
    outbox.put("t", [b"5"])
    assert rows_in_file(path) == 3


def test_everything_survives_a_reopening(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite3"
    outbox = Outbox(path)
    outbox.put("t", numbers(5), seq=5, state='{"odometer": 7}')
    outbox.acknowledge(1)
    outbox.close()
    again = Outbox(path)
    assert left(again) == numbers(4, 2)
    assert (again.seq, again.state) == (5, '{"odometer": 7}')
    for row in again.after(0, 10):
        again.acknowledge(row.id)
    again.close()
    third = Outbox(path)
    third.put("t", [b"new"])
    assert third.after(0, 10)[0].id == 6, "numbers go on growing when the outbox was empty in between"


def test_what_is_not_given_leaves_what_is_remembered(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "a.sqlite3")
    outbox.put("t", [b"live"], seq=9, state="{}")
    outbox.put("t", [b"replayed"])
    outbox.close()
    again = Outbox(tmp_path / "a.sqlite3")
    assert (again.seq, again.state) == (9, "{}")


def test_a_row_that_is_set_aside_is_kept_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "REFUSED_KEPT", 2)
    path = tmp_path / "a.sqlite3"
    outbox = Outbox(path)
    outbox.put("t", numbers(5))
    assert [outbox.set_aside(number, "too large") for number in (1, 2, 3, 3)] == [True, True, True, False]
    assert left(outbox) == [b"4", b"5"]
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT id, topic, payload, reason FROM refused").fetchall() == [
            (2, "t", b"2", "too large"),
            (3, "t", b"3", "too large"),
        ]


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite3"
    path.write_bytes(b"not a database, but long enough to be looked at" * 100)
    with pytest.raises(OutboxError, match=r"a\.sqlite3 cannot be opened"):
        Outbox(path)


def test_a_full_disk_refuses_the_reading_and_changes_nothing(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "a.sqlite3")
    outbox.put("t", numbers(3), seq=3)
    # SQLite's own limit on the file stands for a disk without room.
    pages = outbox._db.execute("PRAGMA page_count").fetchone()[0]
    outbox._db.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(OutboxError, match="cannot be written"):
        outbox.put("t", [b"x" * 50_000], seq=4)
    assert left(outbox) == numbers(3)
    outbox._db.execute(f"PRAGMA max_page_count = {pages + 1000}")
    outbox.put("t", [b"4"], seq=4)
    assert left(outbox) == numbers(4)
    outbox.close()
    assert Outbox(tmp_path / "a.sqlite3").seq == 4


KILLED = """
import sys
from pathlib import Path
from simulators.outbox import Outbox
outbox = Outbox(Path(sys.argv[1]))
for number in range(1, 1_000_000):
    outbox.put("t", [b"%d" % number], seq=number, state=str(number))
    print(number, flush=True)
"""


def test_kill_9_loses_nothing_that_was_put_in(tmp_path: Path) -> None:
    path = tmp_path / "a.sqlite3"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True, cwd=ROOT, env=dict(os.environ)
    )
    assert process.stdout is not None
    said = 0
    for line in process.stdout:
        said = int(line)
        if said == 700:
            process.send_signal(signal.SIGKILL)
            break
    said = max([said, *(int(line) for line in process.stdout.read().split("\n")[:-1])])
    process.wait()
    outbox = Outbox(path)
    kept = left(outbox)
    assert kept == numbers(len(kept))
    assert len(kept) >= said
    assert outbox.seq == len(kept)
    assert outbox.state == str(len(kept))


@given(st.lists(st.one_of(st.integers(1, 6), st.tuples(st.just("ack"), st.integers(0, 30)), st.just("reopen"))))
@settings(max_examples=30, deadline=None)
def test_whatever_happens_the_outbox_holds_the_newest_unacknowledged(actions: list[object]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.sqlite3"
        outbox, model, put = Outbox(path, limit=7), dict[int, bytes](), 0
        for action in actions:
            if isinstance(action, int):
                dropped = outbox.put("t", numbers(action, put + 1))
                model |= {number: b"%d" % number for number in range(put + 1, put + action + 1)}
                put += action
                assert dropped == max(0, len(model) - 7)
                for oldest in sorted(model)[:dropped]:
                    del model[oldest]
            elif isinstance(action, tuple):
                if action[1] in model:
                    assert outbox.acknowledge(action[1])
                    del model[action[1]]
            else:
                outbox.close()
                outbox = Outbox(path, limit=7)
            assert left(outbox) == list(model.values())
            assert outbox.waiting == len(model)
        outbox.close()
