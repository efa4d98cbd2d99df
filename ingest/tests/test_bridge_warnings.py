"""A bridge says when its broker loses what it has acknowledged: messages that it drops, sessions that it forgets."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import subscribe

from ingest.bridge.client import RECEIVE_MAXIMUM
from ingest.bridges import overview
from ingest.models import BridgeSlot
from ingest.tests.bridges import Bench
from ingest.tests.running import BridgeProcess, until
from ingest.tests.servers import Forgetful, Valkey, needs_mosquitto

pytestmark = needs_mosquitto


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Forgetful]:
    server = Forgetful(tmp_path / "broker")
    yield server
    server.close()


@pytest.fixture
def bench(broker: Forgetful) -> Bench:
    return Bench(broker.url, shared=False)


@pytest.fixture
def bridge(
    bench: Bench, pair: tuple[Valkey, Valkey], tmp_path: Path, transactional_db: None
) -> Iterator[BridgeProcess]:
    given = bench.environment | {"BUFFER_URLS": ",".join(server.url for server in pair)}
    process = BridgeProcess(bench.name, tmp_path / "bridge.log", given)
    yield process
    process.close()


def messages(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


def test_what_the_broker_drops_is_said_at_the_start_and_as_it_happens_and_others_can_see_it(
    bench: Bench, bridge: BridgeProcess
) -> None:
    bridge.start()
    until(lambda: [one.dropped for one in overview().bridges] == [0], bridge.log)
    assert overview().problems == []
    assert "dropped" not in bridge.text, "a broker that has dropped nothing gives no cause for words"

    bridge.end(signal.SIGTERM)
    bench.publish(messages(40))
    until(lambda: dropped_by(bench) > 0, bridge.log)  # the broker counts it some time later
    bridge.start()
    bridge.has_said("messages since its start: a queue was full")
    assert "WARNING" in line_with("messages since its start", bridge)
    until(lambda: [one.dropped for one in overview().bridges] == [0], bridge.log)

    bridge.send(signal.SIGSTOP)
    bench.publish(messages(RECEIVE_MAXIMUM + 60))  # as many as that are on their way before anything is queued
    bridge.send(signal.SIGCONT)
    bridge.has_said("is dropping messages")
    assert "ERROR" in line_with("is dropping messages", bridge)
    until(lambda: any("The broker has dropped" in problem for problem in overview().problems), bridge.log)


def test_a_session_that_the_broker_has_lost_is_missed_also_by_a_later_bridge(
    broker: Forgetful, bridge: BridgeProcess
) -> None:
    bridge.start()
    assert "lost the session" not in bridge.text, "one that was never there is not lost"
    broker.stop()
    broker.start()
    bridge.has_said("the broker has lost the session of")
    until(lambda: bridge.text.count("connected to mqtt") == 2, bridge.log)
    assert "ERROR" in line_with("lost the session", bridge)
    until(BridgeSlot.objects.filter(connected_at__isnull=False).exists, bridge.log)

    bridge.end(signal.SIGKILL)
    broker.stop()
    broker.start()
    bridge.start()
    bridge.has_said("the broker has lost the session of", times=2)

    assert bridge.end(signal.SIGTERM) == 0
    bridge.start()
    assert bridge.text.count("lost the session") == 2, "one that is still there is not lost"


def dropped_by(bench: Bench) -> int:
    """Return how many messages the broker says that it has dropped."""
    counter = "$SYS/broker/publish/messages/dropped"
    found: Any = subscribe.simple(  # type: ignore[no-untyped-call]
        counter, hostname=bench.broker.host, port=bench.broker.port
    )
    return int(found.payload)


def line_with(text: str, bridge: BridgeProcess) -> str:
    """Return the first line of a bridge's log with a text in it."""
    return next(line for line in bridge.text.splitlines() if text in line)
