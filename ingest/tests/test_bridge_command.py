"""`manage.py run_bridge` as people and supervisors run it: signals, exit codes, and what a kill leaves behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from ingest.tests.bridges import Bench
from ingest.tests.servers import Valkey, payloads_in, received_by

MANAGE = Path(__file__).resolve().parents[2] / "manage.py"


class Process:
    """A bridge in a process of its own, started again and again with the same name."""

    def __init__(self, bench: Bench, buffers: str, log: Path) -> None:
        self.bench, self.log = bench, log
        self.environment = os.environ | {
            "BUFFER_URLS": buffers,
            "MQTT_URL": f"mqtt://{bench.broker.host}:{bench.broker.port}",
            "MQTT_TOPICS": f"{bench.name}/#",
            "MQTT_SHARED": str(bench.shared).lower(),
        }
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it is connected."""
        before = self.lines("connected to")
        with self.log.open("ab") as log:
            command = [sys.executable, str(MANAGE), "run_bridge", "--name", self.bench.name]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=self.environment)
        until(lambda: self.lines("connected to") > before, self.log)

    def lines(self, text: str) -> int:
        """Return how many lines of its log hold a text."""
        return self.log.read_text().count(text) if self.log.exists() else 0

    def end(self, number: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(10)

    def close(self) -> None:
        """Kill it unless it is gone."""
        if self.process is not None and self.process.poll() is None:
            self.end(signal.SIGKILL)


def until(condition: Callable[[], bool], log: Path, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"it did not happen in time:\n{log.read_text()[-3000:]}"
        time.sleep(0.1)  # reading everything takes processor time that the bridge wants


@pytest.fixture
def bridge(bench: Bench, pair: tuple[Valkey, Valkey], tmp_path: Path) -> Iterator[Process]:
    if not bench.shared:
        assert settings.MQTT_SHARED is False, "sharing would end the embedded broker"
    process = Process(bench, ",".join(server.url for server in pair), tmp_path / "bridge.log")
    yield process
    process.close()


def numbers(count: int, first: int = 0) -> list[bytes]:
    return [b"%d" % n for n in range(first, first + count)]


def test_killed_and_then_ended_in_mid_stream_it_loses_nothing(bridge: Process, pair: tuple[Valkey, Valkey]) -> None:
    urls = [server.url for server in pair]
    bridge.start()
    publisher = threading.Thread(target=bridge.bench.publish, args=(numbers(6000),))
    publisher.start()
    until(lambda: received_by(*urls) > 200, bridge.log)
    bridge.end(signal.SIGKILL)
    killed_at = received_by(*urls)
    bridge.start()
    until(lambda: received_by(*urls) > killed_at, bridge.log)
    assert bridge.end(signal.SIGTERM) == 0
    [summary] = [line for line in bridge.log.read_text().splitlines() if "ended: " in line]
    taken = received_by(*urls) - killed_at
    assert f"{taken} messages received, {taken} in buffers" in summary
    assert f"{taken} acknowledged" in summary
    publisher.join()
    bridge.start()
    until(lambda: len(set(payloads_in(*urls))) == 6000, bridge.log)
    assert received_by(*urls) == len(payloads_in(*urls))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--slots", "0"], "--slots must be"),
        (["--slots", "65"], "--slots must be"),
        (["--name", "a/b"], "--name takes letters"),
        (["--name", ""], "--name takes letters"),
    ],
)
def test_a_wrong_option_is_named(options: list[str], message: str) -> None:
    with pytest.raises(CommandError, match=message) as caught:
        call_command("run_bridge", *options)
    assert caught.value.returncode == 2


def test_one_server_named_twice_is_a_wrong_setting(
    settings: pytest.FixtureRequest, pair: tuple[Valkey, Valkey]
) -> None:
    alias = pair[0].url.replace("127.0.0.1", "localhost")
    settings.BUFFER_URLS = [pair[0].url, alias]  # type: ignore[attr-defined]
    with pytest.raises(CommandError, match=r"BUFFER_URLS: .* are the same server") as caught:
        call_command("run_bridge")
    assert caught.value.returncode == 2


def test_an_invalid_topic_filter_is_a_wrong_setting(settings: pytest.FixtureRequest) -> None:
    settings.MQTT_TOPICS = ["vehicles/#/telemetry"]  # type: ignore[attr-defined]
    with pytest.raises(CommandError, match=r"MQTT_TOPICS: .*must come last") as caught:
        call_command("run_bridge")
    assert caught.value.returncode == 2


def test_several_slots_without_sharing_contradict_each_other(settings: pytest.FixtureRequest) -> None:
    settings.MQTT_SHARED = False  # type: ignore[attr-defined]
    with pytest.raises(CommandError, match="MQTT_SHARED is off") as caught:
        call_command("run_bridge", "--slots", "2")
    assert caught.value.returncode == 2


def test_its_help_has_examples_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("run_bridge", "--help")
    shown = capsys.readouterr().out
    assert "manage.py run_bridge --slots 2" in shown
    assert "exit codes:" in shown
