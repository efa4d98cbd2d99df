"""Devices against real brokers."""

from __future__ import annotations

import resource
import socket
import sqlite3
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import pytest

from simulators import connection, fleet, sender
from simulators.backoff import Backoff
from simulators.counts import total
from simulators.fleet import Ending, FileLimitError, raise_file_limit
from simulators.summary import exit_code
from simulators.tests.conftest import Watch
from simulators.tests.mosquitto import Mosquitto, running_mosquitto
from simulators.tests.running import Run, plan_of
from simulators.tests.witness import wait_until
from simulators.vehicle import Vehicle

NOBODY = "mqtt://127.0.0.1:9"  # the port "discard", where nobody listens


def name(prefix: str) -> str:
    """A device name that no other test uses on the shared broker."""
    return f"{prefix}_{uuid.uuid4().hex[:8]}"


def rows_left(folder: Path) -> dict[str, int]:
    found = {}
    for path in folder.glob("*.sqlite3"):
        with sqlite3.connect(path) as db:
            (found[path.stem],) = db.execute("SELECT count(*) FROM outbox").fetchone()
    return found


def test_every_reading_arrives_once_in_order_and_the_outbox_is_empty(
    broker_url: str, watch: Watch, tmp_path: Path
) -> None:
    device = name("vehicle")
    witness = watch(broker_url, f"vehicles/{device}/#", f"status/{device}")
    outcome = Run(plan_of(broker_url, tmp_path / "outbox", only=device, rate=50, duration=1)).outcome()
    wait_until(lambda: len(witness.statuses[device]) == 2)
    assert [reading["seq"] for reading in witness.readings[device]] == list(range(1, 51))
    assert [status for status, _ in witness.statuses[device]] == ["online", "offline"]
    counts = outcome.counts[device]
    assert (counts.made, counts.sent, counts.acknowledged, counts.queued, counts.resent) == (50, 50, 50, 0, 0)
    assert rows_left(tmp_path / "outbox") == {device: 0}
    assert exit_code(outcome) == 0


def test_the_status_is_retained_for_those_who_come_later(broker_url: str, watch: Watch, tmp_path: Path) -> None:
    device = name("vehicle")
    Run(plan_of(broker_url, tmp_path, only=device, duration=0.2)).outcome()
    witness = watch(broker_url, f"status/{device}")
    wait_until(lambda: witness.statuses[device])
    assert witness.statuses[device] == [("offline", True)]


def test_what_nobody_subscribes_to_waits_at_the_device_and_goes_on_in_order_when_somebody_does(
    mosquitto: Mosquitto, watch: Watch, tmp_path: Path, quick_retries: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "Backoff", lambda: Backoff(0.1, 0.2))
    run = Run(plan_of(mosquitto.url, tmp_path, only="vehicle_01", rate=20, duration=2))
    time.sleep(1)
    assert run.acknowledged == 0
    witness = watch(mosquitto.url, "vehicles/#")
    counts = run.outcome().counts["vehicle_01"]
    assert (counts.made, counts.acknowledged, counts.set_aside) == (40, 40, 0)
    assert counts.refused > 0
    wait_until(lambda: witness.sequence("vehicle_01") == list(range(1, 41)))


def test_sequence_and_state_go_on_in_the_next_run(broker_url: str, watch: Watch, tmp_path: Path) -> None:
    device = name("vehicle")
    witness = watch(broker_url, f"vehicles/{device}/#")
    for _ in range(2):
        Run(plan_of(broker_url, tmp_path, only=device, rate=20, duration=0.5)).outcome()
    wait_until(lambda: len(witness.readings[device]) == 20)
    assert witness.sequence(device) == list(range(1, 21))
    odometer = [reading["odometer"] for reading in witness.readings[device]]
    assert odometer == sorted(odometer)
    assert odometer[-1] - odometer[0] < 0.2


def test_a_recorded_series_arrives_whole_and_a_second_replay_repeats_the_same_readings(
    broker_url: str, watch: Watch, tmp_path: Path
) -> None:
    device, file = name("road"), tmp_path / "speed.csv"
    times = [1_441_711_140 + 300 * row for row in range(1200)]
    rows = [f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(at))},{60 + at % 7}" for at in times]
    file.write_text("\n".join(["timestamp,value", *rows]))
    witness = watch(broker_url, f"vehicles/{device}/#")
    wishes: dict[str, Any] = {"profile": "replay", "file": file, "field": "speed", "only": device}
    outcome = Run(plan_of(broker_url, tmp_path / "outbox", **wishes)).outcome()
    wait_until(lambda: len(witness.readings[device]) == 1200)
    expected = [{"timestamp": float(at), "seq": row, "speed": 60.0 + at % 7} for row, at in enumerate(times, 1)]
    assert witness.readings[device] == expected
    assert outcome.seconds < 10
    Run(plan_of(broker_url, tmp_path / "outbox", **wishes)).outcome()
    wait_until(lambda: len(witness.readings[device]) == 2400)
    assert witness.readings[device][1200:] == expected


@pytest.mark.usefixtures("quick_retries")
def test_a_broker_that_is_away_for_a_while_misses_nothing(mosquitto: Mosquitto, watch: Watch, tmp_path: Path) -> None:
    witness = watch(mosquitto.url)
    run = Run(plan_of(mosquitto.url, tmp_path / "outbox", devices=10, rate=5))
    wait_until(lambda: run.acknowledged > 50)
    mosquitto.stop()
    time.sleep(2)
    waiting = rows_left(tmp_path / "outbox")
    assert min(waiting.values()) >= 7, "readings go into the outbox while the broker is away"
    mosquitto.start()
    wait_until(lambda: all(witness.readings[device][-1]["seq"] > 30 for device in waiting))
    outcome = run.stop()
    for device, counts in outcome.counts.items():
        assert counts.acknowledged == counts.made
        wait_until(lambda d=device, n=counts.made: len(witness.sequence(d)) == n)
        assert witness.sequence(device) == list(range(1, counts.made + 1)), "each arrived, in order"
        # What was unanswered when the broker went is sent again, by the device or to the witness; nothing else is.
        assert counts.resent <= 20
        assert len(witness.readings[device]) - counts.made <= 40
        assert [status for status, _ in witness.statuses[device]][-2:] == ["online", "offline"]
    assert set(rows_left(tmp_path / "outbox").values()) == {0}


@pytest.mark.usefixtures("quick_retries")
def test_a_device_that_never_finds_its_broker_keeps_the_newest_and_counts_the_dropped(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(fleet, "STUCK_S", 0.3)
    outcome = Run(plan_of(NOBODY, tmp_path, only="vehicle_01", rate=20, duration=1, outbox=5)).outcome()
    counts = outcome.counts["vehicle_01"]
    assert (counts.made, counts.sent, counts.acknowledged, counts.queued, counts.dropped) == (20, 0, 0, 5, 15)
    assert not outcome.connected
    assert exit_code(outcome) == 3


def test_what_one_run_could_not_send_the_next_one_does(
    mosquitto: Mosquitto, watch: Watch, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(fleet, "STUCK_S", 0.2)
    Run(plan_of(NOBODY, tmp_path / "outbox", devices=2, rate=20, duration=0.5)).outcome()
    witness = watch(mosquitto.url)
    outcome = Run(plan_of(mosquitto.url, tmp_path / "outbox", devices=2, rate=20, duration=0.5)).outcome()
    sums = total(list(outcome.counts.values()))
    assert (sums.backlog, sums.made, sums.sent, sums.acknowledged, sums.queued) == (20, 20, 40, 40, 0)
    wait_until(lambda: all(witness.sequence(f"vehicle_0{n}") == list(range(1, 21)) for n in (1, 2)))


def test_a_refused_puback_keeps_the_row_until_the_broker_takes_it(watch: Watch, tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    rules.write_text("topic readwrite status/#\ntopic read vehicles/#\n")
    with running_mosquitto(tmp_path, "allow_anonymous true", f"acl_file {rules}") as broker:
        witness = watch(broker.url)
        run = Run(plan_of(broker.url, tmp_path / "outbox", only="vehicle_01", rate=10))
        wait_until(lambda: witness.statuses["vehicle_01"])
        time.sleep(0.5)
        rules.write_text("topic readwrite status/#\ntopic readwrite vehicles/#\n")
        broker.reload()
        wait_until(lambda: len(witness.sequence("vehicle_01")) > 15)
        counts = run.stop().counts["vehicle_01"]
        assert counts.refused >= 1
        assert counts.set_aside == 0
        assert counts.acknowledged == counts.made
        wait_until(lambda: witness.sequence("vehicle_01") == list(range(1, counts.made + 1)))


def test_a_device_with_a_wrong_password_says_so_and_keeps_its_readings(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(fleet, "STUCK_S", 0.3)
    with running_mosquitto(tmp_path, "allow_anonymous false") as broker:
        url = f"mqtt://anna:secret@127.0.0.1:{broker.port}"
        outcome = Run(plan_of(url, tmp_path / "outbox", only="vehicle_01", rate=10, duration=0.3)).outcome()
    assert outcome.counts["vehicle_01"].queued == 3
    assert exit_code(outcome) == 3
    assert "the broker refused the device: Not authorized" in caplog.text
    assert "secret" not in caplog.text


def test_a_broker_that_takes_one_publish_at_a_time_is_never_given_two(tmp_path: Path, watch: Watch) -> None:
    with running_mosquitto(tmp_path, "allow_anonymous true", "max_inflight_messages 1") as broker:
        witness = watch(broker.url)
        outcome = Run(plan_of(broker.url, tmp_path / "outbox", only="vehicle_01", rate=200, duration=0.5)).outcome()
        counts = outcome.counts["vehicle_01"]
        assert (counts.acknowledged, counts.connections, counts.resent) == (100, 1, 0)
        wait_until(lambda: len(witness.readings["vehicle_01"]) == 100)


class Stranger:
    """Something that accepts connections and is no MQTT broker; it answers each with `words`."""

    def __init__(self, words: bytes) -> None:
        self._words = words
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"mqtt://127.0.0.1:{self._socket.getsockname()[1]}"
        self.visits = 0
        self._open: list[socket.socket] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                visitor, _ = self._socket.accept()
            except OSError:
                return
            self.visits += 1
            self._open.append(visitor)
            visitor.sendall(self._words)

    def close(self) -> None:
        self._socket.close()
        for visitor in self._open:
            visitor.close()


@pytest.mark.usefixtures("quick_retries")
@pytest.mark.parametrize(
    "words",
    [
        pytest.param(b"", id="silence"),
        pytest.param(b"HTTP/1.1 400 Bad Request\r\n\r\n", id="another protocol"),
        pytest.param(b"\x20\x03\x00\x00\x7f", id="a CONNACK with a length that lies"),
        pytest.param(b"\x20\x06\x00\x00\x03\xff\xff\xff", id="a CONNACK with unknown properties"),
        pytest.param(b"\xf0\xff\xff\xff\xff\xff", id="an endless length"),
    ],
)
def test_a_peer_that_does_not_speak_mqtt_is_called_again_and_again(
    words: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(connection, "CONNACK_S", 0.2)
    monkeypatch.setattr(fleet, "CHECK_S", 0.1)
    stranger = Stranger(words)
    try:
        run = Run(plan_of(stranger.url, tmp_path, only="vehicle_01", rate=10))
        wait_until(lambda: stranger.visits >= 3)
        outcome = run.stop()
    finally:
        stranger.close()
    counts = outcome.counts["vehicle_01"]
    assert (counts.connections, counts.acknowledged, counts.queued) == (0, 0, counts.made)
    assert counts.made > 0


WELCOME = b"\x20\x03\x00\x00\x00"  # a CONNACK
FIRST_PUBACK = b"\x40\x02\x00\x01"  # for the device's status


@pytest.mark.parametrize(
    ("words", "begun"),
    [pytest.param(WELCOME + FIRST_PUBACK, 1, id="a reading"), pytest.param(WELCOME, 0, id="the status")],
)
def test_a_publish_that_is_never_answered_is_sent_again_on_a_new_connection(
    words: bytes, begun: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("simulators.session.SILENCE_S", 0.3)
    monkeypatch.setattr(fleet, "CHECK_S", 0.1)
    stranger = Stranger(words)
    try:
        run = Run(plan_of(stranger.url, tmp_path, only="vehicle_01", rate=10))
        wait_until(lambda: stranger.visits >= 2)
        outcome = run.stop(Ending.INTERRUPTED)
    finally:
        stranger.close()
    counts = outcome.counts["vehicle_01"]
    assert min(counts.connections, 1) == begun
    assert (counts.acknowledged, counts.queued) == (0, counts.made)


def test_an_error_in_one_device_ends_the_run_instead_of_silencing_the_device(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    def fail(*_: object) -> bytes:
        raise ZeroDivisionError

    monkeypatch.setattr(Vehicle, "payload", fail)
    outcome = Run(plan_of(NOBODY, tmp_path, devices=2)).outcome(seconds=5)
    assert exit_code(outcome) == 1
    assert "ZeroDivisionError" in caplog.text


def test_a_limit_on_open_files_is_raised_or_reported() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
        raise_file_limit(100)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == (500, hard)
        with pytest.raises(FileLimitError, match="ulimit"):
            raise_file_limit(hard)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
