"""`manage.py run_watch` as a process: killed in the middle, it goes on from what is written."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection

from insights.management.commands.run_watch import AUTOGROUP, NICE
from insights.models import Finding, SeriesState
from insights.tests.test_watching import begin, found, look, readings
from insights.watching.watcher import Watcher
from tests.project import eventually
from validation.tests.stored import publish_model, store

pytestmark = pytest.mark.django_db(transaction=True)
Start = Callable[[], subprocess.Popen[bytes]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Return what starts a watcher on the tests' own database; all of them end with the test."""
    database = settings.DATABASE_URL.rpartition("/")[0] + f"/{connection.settings_dict['NAME']}"
    environment = os.environ | {"DATABASE_URL": database, "DATA_DIR": str(tmp_path)}
    root, running = Path(__file__).parents[2], []

    def one() -> subprocess.Popen[bytes]:
        running.append(subprocess.Popen([sys.executable, "manage.py", "run_watch"], env=environment, cwd=root))
        return running[-1]

    yield one
    for process in running:
        process.kill()
        process.wait()


def test_one_that_is_killed_is_followed_by_one_that_finds_what_it_would_have(start: Start) -> None:
    spec = publish_model(fields=({"name": "speed", "unit": "km/h", "label": "Speed"},))
    rows = [(at, {"speed": values["speed"]}) for at, values in readings(begin())]
    store(spec, "van_1", rows[:500])
    killed = start()
    eventually(lambda: len(spikes()) == 1, "the first one finds the first spike")
    killed.send_signal(signal.SIGKILL)
    store(spec, "van_1", rows[500:650])
    other = start()
    eventually(lambda: len(spikes()) == 2, "the second one finds the second spike")
    store(spec, "van_1", rows[650:])
    standing_by = start()
    eventually(lambda: len(spikes()) == 3, "it finds the third one")
    other.terminate()
    assert other.wait(30) == 0
    assert standing_by.poll() is None
    in_pieces = spikes()
    Finding.objects.all().delete()
    SeriesState.objects.all().delete()
    standing_by.kill()
    look(Watcher())
    assert spikes() == in_pieces


def spikes() -> list[tuple[Any, ...]]:
    """Return what was found but for the silence after the last reading, which comes and goes with the clock."""
    return [row for row in found() if row[2] == "spike"]


@pytest.mark.parametrize("is_its_own", [True, False])
def test_it_lets_others_go_first_and_makes_no_session_slow_but_its_own(tmp_path: Path, is_its_own: bool) -> None:
    before = AUTOGROUP.read_text() if AUTOGROUP.exists() else ""
    watch = subprocess.Popen(
        [sys.executable, "manage.py", "run_watch"],
        env=os.environ | {"DATA_DIR": str(tmp_path)},
        cwd=Path(__file__).parents[2],
        start_new_session=is_its_own,
    )
    try:
        eventually(lambda: os.getpriority(os.PRIO_PROCESS, watch.pid) == NICE, "others go first")
        if before:
            group = Path(f"/proc/{watch.pid}/autogroup")
            expected = f" nice {NICE}" if is_its_own else before
            eventually(lambda: group.read_text().rstrip().endswith(expected.rstrip()), "so does its session")
            assert AUTOGROUP.read_text() == before
    finally:
        watch.kill()
        watch.wait()
