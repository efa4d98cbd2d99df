"""`manage.py run_bridge` as people and supervisors run it: signals, exit codes, and what a kill leaves behind."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command

from ingest.tests.bridges import Bench
from ingest.tests.running import BridgeProcess, until
from ingest.tests.servers import Valkey, payloads_in, received_by


@pytest.fixture
def bridge(
    bench: Bench, pair: tuple[Valkey, Valkey], tmp_path: Path, transactional_db: None
) -> Iterator[BridgeProcess]:
    if not bench.shared:
        assert settings.MQTT_SHARED is False, "sharing would end the embedded broker"
    given = bench.environment | {"BUFFER_URLS": ",".join(server.url for server in pair)}
    process = BridgeProcess(bench.name, tmp_path / "bridge.log", given)
    yield process
    process.close()


def numbers(count: int, first: int = 0) -> list[bytes]:
    return [b"%d" % n for n in range(first, first + count)]


def test_killed_and_then_ended_in_mid_stream_it_loses_nothing(
    bench: Bench, bridge: BridgeProcess, pair: tuple[Valkey, Valkey]
) -> None:
    urls = [server.url for server in pair]
    bridge.start()
    publisher = threading.Thread(target=bench.publish, args=(numbers(6000),))
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


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"MQTT_SHARED": False, "BRIDGE_SLOTS": 2}, "MQTT_SHARED is off"),
        ({"MQTT_SHARED": True, "BRIDGE_SLOTS": 65}, "BRIDGE_SLOTS must be 64 at most"),
        ({"BRIDGE_LEASE_SECONDS": 2}, "BRIDGE_LEASE_SECONDS must be 3 or more"),
        ({"MQTT_GROUP": "a/b"}, "MQTT_GROUP takes letters"),
        ({"DATABASE_URL": ""}, "DATABASE_URL is not set"),
    ],
)
def test_a_wrong_setting_is_named(settings: Any, given: dict[str, Any], message: str) -> None:
    for name, value in given.items():
        setattr(settings, name, value)
    with pytest.raises(CommandError, match=message) as caught:
        call_command("run_bridge")
    assert caught.value.returncode == 2


def test_its_help_has_examples_and_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("run_bridge", "--help")
    shown = capsys.readouterr().out
    assert "manage.py run_bridge --slots 2" in shown
    assert "exit codes:" in shown
