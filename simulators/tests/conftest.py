"""Real brokers and quick retries."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from simulators import session
from simulators.backoff import Backoff
from simulators.tests.mosquitto import Mosquitto, running_mosquitto
from simulators.tests.witness import Witness

Watch = Callable[..., Witness]


@pytest.fixture(autouse=True)
def quick_turns() -> Iterator[None]:
    """Let the threads of a test (fleet, witness) take turns often; devices alone have one busy thread."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)
    yield
    sys.setswitchinterval(before)


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    with running_mosquitto(tmp_path) as broker:
        yield broker


@pytest.fixture(params=["mosquitto", "embedded"])
def broker_url(request: pytest.FixtureRequest) -> str:
    """The URL of each broker in turn: Debian's Mosquitto, and the one that the test session runs."""
    if request.param == "mosquitto":
        broker: Mosquitto = request.getfixturevalue("mosquitto")
        return broker.url
    url = os.environ.get("MQTT_URL")
    if not url:
        pytest.skip("MQTT_URL names no broker")
    return url


@pytest.fixture
def watch() -> Iterator[Watch]:
    """Subscribe to a broker: `watch(url)` or `watch(url, filter, …)`."""
    with ExitStack() as stack:

        def begin(url: str, *filters: str) -> Witness:
            witness = Witness(url, *filters)
            stack.callback(witness.close)
            return witness

        yield begin


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let devices come back within half a second."""
    monkeypatch.setattr(session, "Backoff", lambda: Backoff(0.1, 0.5))
