"""`manage.py simulate_devices` as people run it: a process with arguments, signals and exit codes."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import time
from pathlib import Path

import pytest

from simulators.tests.conftest import Watch
from simulators.tests.mosquitto import Mosquitto
from simulators.tests.running import CommandRun
from simulators.tests.witness import wait_until

NOBODY = "mqtt://127.0.0.1:9"


def online(run: CommandRun) -> None:
    """Wait until the command says that its devices are connected."""
    assert run.process.stderr is not None
    line = ""
    while "devices connected" not in line:
        line = run.process.stderr.readline()
        assert line, "the command ended"


def test_the_summary_goes_to_standard_output_and_everything_else_to_standard_error(
    mosquitto: Mosquitto, watch: Watch, tmp_path: Path
) -> None:
    watch(mosquitto.url)
    code, out, err = CommandRun(mosquitto.url, tmp_path, "--rate", "5", "--duration", "1", "--json").end()
    summary = json.loads(out)
    assert code == 0
    assert list(summary["devices"]) == [f"vehicle_{number:02d}" for number in range(1, 11)]
    assert summary["total"]["made"] == summary["total"]["acknowledged"] == 50
    assert "10 of 10 devices connected" in err


def test_a_killed_device_leaves_its_last_will_and_loses_no_reading(
    broker_url: str, watch: Watch, tmp_path: Path
) -> None:
    device = f"vehicle_{time.time_ns() % 10**9}"
    witness = watch(broker_url, f"status/{device}", f"vehicles/{device}/#")
    run = CommandRun(broker_url, tmp_path, "--only", device, "--rate", "50")
    wait_until(lambda: len(witness.readings[device]) > 30)
    run.end(signal.SIGKILL)
    wait_until(lambda: witness.statuses[device][-1][0] == "offline")
    again = CommandRun(broker_url, tmp_path, "--only", device, "--rate", "50", "--duration", "0.5", "--json")
    last = again.summary()["total"]
    with sqlite3.connect(tmp_path / "outbox" / f"{device}.sqlite3") as db:
        ((seq,),) = db.execute("SELECT seq FROM device").fetchall()
    wait_until(lambda: sorted(witness.sequence(device)) == list(range(1, seq + 1)))
    assert last["queued"] == 0
    assert [status for status, _ in witness.statuses[device]] == ["online", "offline", "online", "offline"]


def test_a_device_that_is_killed_while_the_broker_is_away_loses_nothing(
    mosquitto: Mosquitto, watch: Watch, tmp_path: Path
) -> None:
    run = CommandRun(NOBODY, tmp_path, "--only", "vehicle_01", "--rate", "50")
    file = tmp_path / "outbox" / "vehicle_01.sqlite3"
    wait_until(lambda: file.exists() and rows(file) > 20)
    run.end(signal.SIGKILL)
    kept = rows(file)
    witness = watch(mosquitto.url)
    CommandRun(mosquitto.url, tmp_path, "--only", "vehicle_01", "--duration", "0.5", "--json").summary()
    wait_until(lambda: witness.sequence("vehicle_01") == list(range(1, kept + 2)))
    assert rows(file) == 0


def rows(file: Path) -> int:
    with sqlite3.connect(file) as db:
        try:
            ((count,),) = db.execute("SELECT count(*) FROM outbox").fetchall()
        except sqlite3.OperationalError:
            return 0  # the table is not there yet
    return int(count)


def test_ctrl_c_drains_says_goodbye_and_prints_the_summary(mosquitto: Mosquitto, watch: Watch, tmp_path: Path) -> None:
    witness = watch(mosquitto.url)
    run = CommandRun(mosquitto.url, tmp_path, "--devices", "2", "--rate", "20")
    online(run)
    code, out, err = run.end(signal.SIGINT)
    assert code == 130
    assert out.splitlines()[-1].startswith("all 2")
    assert "the same again stops at once" in err
    wait_until(lambda: [status for status, _ in witness.statuses["vehicle_02"]] == ["online", "offline"])


def test_sigterm_ends_a_run_in_order_with_exit_code_0(mosquitto: Mosquitto, watch: Watch, tmp_path: Path) -> None:
    watch(mosquitto.url)
    run = CommandRun(mosquitto.url, tmp_path, "--devices", "2", "--rate", "20", "--json")
    online(run)
    total = run.summary(signal.SIGTERM)["total"]
    assert total["made"] == total["acknowledged"] > 0


def test_sigterm_does_not_wait_for_a_broker_that_is_not_there(tmp_path: Path) -> None:
    run = CommandRun(NOBODY, tmp_path, "--devices", "2", "--rate", "20", "--json")
    wait_until(lambda: (tmp_path / "outbox" / "vehicle_02.sqlite3").exists())
    time.sleep(0.3)
    began = time.monotonic()
    total = run.summary(signal.SIGTERM)["total"]
    assert time.monotonic() - began < 2
    assert total["queued"] == total["made"] > 0


def test_a_second_ctrl_c_stops_at_once(mosquitto: Mosquitto, tmp_path: Path) -> None:
    run = CommandRun(mosquitto.url, tmp_path, "--devices", "2", "--rate", "20", "--json")
    online(run)
    assert run.process.stderr is not None
    run.process.send_signal(signal.SIGSTOP)
    # Both arrive before the run can end in order.
    run.process.send_signal(signal.SIGINT)
    run.process.send_signal(signal.SIGTERM)
    run.process.send_signal(signal.SIGCONT)
    code, out, _ = run.end()
    assert code == 130
    assert json.loads(out)["ending"] == "forced"


def test_a_device_runs_only_once_at_a_time(tmp_path: Path) -> None:
    first = CommandRun(NOBODY, tmp_path, "--devices", "3")
    wait_until(lambda: (tmp_path / "outbox" / "vehicle_03.sqlite3").exists())
    code, out, err = CommandRun(NOBODY, tmp_path, "--only", "vehicle_02").end()
    assert (code, out) == (1, "")
    assert "vehicle_02 is already simulated by another process" in err
    other = CommandRun(NOBODY, tmp_path, "--only", "vehicle_04")
    wait_until(lambda: (tmp_path / "outbox" / "vehicle_04.sqlite3").exists())
    for run in (first, other):
        assert run.end(signal.SIGTERM)[0] == 0


@pytest.mark.parametrize(
    ("url", "arguments", "code", "complaint"),
    [
        (NOBODY, ["--rate", "nan"], 2, "'nan' is no number above zero"),
        (NOBODY, ["--shift"], 2, "--shift belongs to --profile replay"),
        ("", [], 2, "MQTT_URL is not set"),
        (NOBODY, ["--profile", "replay", "--file", "no.csv", "--field", "speed", "--only", "x"], 1, "no.csv"),
        (NOBODY, ["--outbox-dir", "/dev/null/x"], 1, "/dev/null"),
    ],
)
def test_what_cannot_be_done_is_said_on_standard_error(
    tmp_path: Path, url: str, arguments: list[str], code: int, complaint: str
) -> None:
    ended, out, err = CommandRun(url, tmp_path, *arguments).end()
    assert (ended, out) == (code, "")
    assert complaint in err
    assert "Traceback" not in err


def test_a_broken_outbox_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "outbox").mkdir()
    (tmp_path / "outbox" / "vehicle_01.sqlite3").write_bytes(b"no database" * 1000)
    code, _, err = CommandRun(NOBODY, tmp_path, "--only", "vehicle_01").end()
    assert code == 1
    assert "vehicle_01.sqlite3 cannot be opened" in err


def test_the_help_has_examples_and_exit_codes(tmp_path: Path) -> None:
    code, out, _ = CommandRun(NOBODY, tmp_path, "--help").end()
    assert code == 0
    assert "\n    manage.py simulate_devices --only vehicle_03 --rate 5\n" in out
    assert "\n  130  ended by Ctrl-C\n" in out


def test_two_hundred_devices_at_a_thousand_readings_a_second_need_less_than_one_core(
    mosquitto: Mosquitto, watch: Watch, tmp_path: Path
) -> None:
    watch(mosquitto.url).close()  # the broker keeps them for it, which costs this process nothing
    arguments = ("--devices", "200", "--rate", "5", "--duration", "4", "--json")
    run = CommandRun(mosquitto.url, tmp_path, *arguments)
    online(run)
    before, began = cpu_seconds(run.process.pid), time.monotonic()
    time.sleep(0.8)
    used = (cpu_seconds(run.process.pid) - before) / (time.monotonic() - began)
    threads = len(os.listdir(f"/proc/{run.process.pid}/task"))
    total = run.summary()["total"]
    assert total["made"] + total["skipped"] == 4000
    assert (total["acknowledged"], total["connections"]) == (total["made"], 200)
    assert threads <= 10
    assert used < 0.9


def cpu_seconds(pid: int) -> float:
    """The processor time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
