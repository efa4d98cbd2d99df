"""What a heartbeat shows, and what whoever looks at it concludes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dataflow.lib import heartbeat
from dataflow.lib.heartbeat import Heartbeat, main


def look(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Look as a health check does."""
    command = [sys.executable, "-I", "-S", heartbeat.__file__, str(path), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)


def set_back(path: Path, seconds: float) -> None:
    """Make a file look as if it had last been touched so many seconds ago."""
    moment = time.time() - seconds
    os.utime(path, (moment, moment))


def test_a_loop_that_turns_is_seen_and_one_that_hangs_is_not(tmp_path: Path) -> None:
    pulse = Heartbeat(tmp_path, "bridge")
    assert look(pulse.path, "--max-age", "30").returncode == 1
    pulse.beat()
    assert look(pulse.path, "--max-age", "30").returncode == 0
    set_back(pulse.path, 31)
    answer = look(pulse.path, "--max-age", "30")
    assert answer.returncode == 1
    assert re.search(r"last sign of life 3\d s ago", answer.stdout)


def test_the_file_is_touched_once_a_second_at_most(tmp_path: Path) -> None:
    now = 100.0
    pulse = Heartbeat(tmp_path, "bridge", clock=lambda: now)
    pulse.beat()
    set_back(pulse.path, 50)
    pulse.beat()
    assert main([str(pulse.path), "--max-age", "30"]) == 1
    now += 1.0
    pulse.beat()
    assert main([str(pulse.path), "--max-age", "30"]) == 0


def test_the_newest_file_of_a_folder_counts(tmp_path: Path) -> None:
    assert main([str(tmp_path), "--max-age", "30"]) == 1
    for name, seconds in (("one", 300), ("two", 10), ("three", 200)):
        (tmp_path / name).touch()
        set_back(tmp_path / name, seconds)
    assert main([str(tmp_path), "--max-age", "30"]) == 0
    assert main([str(tmp_path), "--max-age", "5"]) == 1


def test_a_time_ahead_of_the_clock_proves_nothing(tmp_path: Path) -> None:
    (tmp_path / "bridge").touch()
    set_back(tmp_path / "bridge", -3600)
    assert main([str(tmp_path / "bridge"), "--max-age", "30"]) == 1


def test_work_goes_on_where_the_file_cannot_be_written(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "run").write_text("a file where the folder should be")
    times = iter((100.0, 200.0))
    pulse = Heartbeat(tmp_path, "bridge", clock=lambda: next(times))
    pulse.beat()
    pulse.beat()
    assert [record.levelname for record in caplog.records] == ["WARNING"]


@pytest.mark.parametrize("arguments", [(), ("--max-age",), ("--max-age", "soon"), ("--min-age", "3")])
def test_wrong_usage_is_told_from_a_dead_process(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    answer = look(tmp_path / "bridge", *arguments)
    assert answer.returncode == 2
    assert "usage" in answer.stderr
