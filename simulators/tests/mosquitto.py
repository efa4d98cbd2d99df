"""A real Mosquitto for one test, on a free port of the loopback interface, with persistence."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PROGRAM = shutil.which("mosquitto", path=f"{os.environ.get('PATH', '')}:/usr/sbin") or "/usr/sbin/mosquitto"


class Mosquitto:
    """Starts, stops and reloads one broker. A clean stop writes its sessions and queues, a start reads them."""

    def __init__(self, folder: Path, *lines: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        # Mosquitto drops root's rights to a user that could not read the files of the test.
        user = "user root" if os.geteuid() == 0 else ""
        self.port = free_port()
        self.file = folder / "mosquitto.conf"
        self.file.write_text("\n".join([
            f"listener {self.port} 127.0.0.1", "persistence true", f"persistence_location {folder}/",
            "max_queued_messages 100000", user, *(lines or ["allow_anonymous true"]),
        ]))  # fmt: skip
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"mqtt://127.0.0.1:{self.port}"

    def start(self) -> None:
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen([PROGRAM, "-c", str(self.file)], stdout=log, stderr=log)
        log.close()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError((self.folder / "log").read_text())

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def reload(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)


@contextmanager
def running_mosquitto(folder: Path, *lines: str) -> Iterator[Mosquitto]:
    """A broker with these lines of configuration. The test is skipped where Mosquitto is not installed."""
    if not Path(PROGRAM).exists():
        pytest.skip("mosquitto is not installed")
    broker = Mosquitto(folder / "mosquitto", *lines)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
