"""How much the network has not taken yet, asked of a real Daphne."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest
from websockets.sync.client import ClientConnection, connect

from dashboard.live.backlog import backlog_of
from dashboard.tests.probe import TEXT, TEXTS


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


@pytest.fixture
def daphne() -> Iterator[str]:
    """Serve the probe; gives its address."""
    port = free_port()
    command = [sys.executable, "-m", "daphne", "-b", "127.0.0.1", "-p", str(port), "-v", "0"]
    process = subprocess.Popen([*command, "dashboard.tests.probe:application"])
    try:
        yield f"ws://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait(10)


def open_when_up(address: str) -> ClientConnection:
    deadline = time.monotonic() + 20
    while True:
        try:
            # The client reads ahead by a few messages and no more.
            return connect(address, max_queue=1, compression=None, ping_interval=None)
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)


def test_the_backlog_is_what_daphne_holds_and_nothing_once_it_was_read(daphne: str) -> None:
    with open_when_up(daphne) as page:
        time.sleep(1)
        for _ in range(TEXTS):
            assert page.recv(timeout=10) == TEXT
        page.send("read")
        unread, after = map(int, str(page.recv(timeout=10)).split())
    assert 1_000_000 < unread < len(TEXT) * TEXTS
    assert after == 0


def test_behind_another_server_there_is_no_backlog_to_see() -> None:
    async def send(message: object) -> None:
        """Stand for another server's `send`."""

    assert backlog_of(send)() == 0
