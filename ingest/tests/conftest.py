"""What the tests of this room share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings

from ingest.tests.bridges import Bench, crash
from ingest.tests.servers import Mosquitto, Valkey, needs_mosquitto


@pytest.fixture
def start_valkey(tmp_path: Path) -> Iterator[Callable[[], Valkey]]:
    """Return a function that starts an empty buffer for one test."""
    started: list[Valkey] = []

    def start() -> Valkey:
        started.append(Valkey(tmp_path / f"valkey{len(started)}"))
        return started[-1]

    yield start
    for server in started:
        server.close()


@pytest.fixture
def pair(start_valkey: Callable[[], Valkey]) -> tuple[Valkey, Valkey]:
    """Return two empty buffers."""
    return start_valkey(), start_valkey()


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    """Return a Mosquitto of the test's own."""
    server = Mosquitto(tmp_path / "mosquitto")
    yield server
    server.close()


@pytest.fixture(params=["embedded", pytest.param("mosquitto", marks=needs_mosquitto)])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    """Return the embedded broker and Debian's Mosquitto, one after the other."""
    if request.param == "mosquitto":
        bench = Bench(request.getfixturevalue("mosquitto").url, shared=True)
    else:
        bench = Bench(settings.MQTT_URL, shared=False)
    yield bench
    for bridge in bench.bridges:
        crash(bridge)
