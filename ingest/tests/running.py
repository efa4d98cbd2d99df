"""Bridges in processes of their own, as people and supervisors run them, on the tests' database."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from django.conf import settings
from django.db import connection

MANAGE = Path(__file__).resolve().parents[2] / "manage.py"


def database_url() -> str:
    """Return the address of the database that the test itself uses."""
    parts = urlsplit(settings.DATABASE_URL)
    return urlunsplit(parts._replace(path=f"/{connection.settings_dict['NAME']}"))


class BridgeProcess:
    """A bridge, started again and again with the same settings."""

    def __init__(
        self,
        name: str,
        log: Path,
        environment: dict[str, str],
        program: Sequence[str] = (sys.executable, str(MANAGE), "run_bridge"),
    ) -> None:
        self.name, self.log, self.program = name, log, program
        lean = {"DATABASE_URL": database_url(), "DJANGO_SETTINGS_MODULE": "dataflow.lean"}
        self.environment = os.environ | lean | environment
        self.process: subprocess.Popen[bytes] | None = None

    def spawn(self) -> None:
        """Start it."""
        with self.log.open("ab") as log:
            command = [*self.program, "--name", self.name]
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=self.environment)

    def start(self) -> None:
        """Start it and wait until it is connected."""
        before = self.text.count("connected to mqtt")
        self.spawn()
        self.has_said("connected to mqtt", before + 1)

    def has_said(self, text: str, times: int = 1) -> None:
        """Wait until its log holds a text so many times."""
        until(lambda: self.text.count(text) >= times, self.log)

    @property
    def text(self) -> str:
        """Return its log."""
        return self.log.read_text() if self.log.exists() else ""

    @property
    def held(self) -> set[int]:
        """Return the numbers of the slots that it said it holds when that changed last."""
        said = re.findall(r"holds \d+ of \d+ slots \[(.*?)\]", self.text)
        return {int(number) for number in said[-1].split(",") if number.strip()} if said else set()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def end(self, number: signal.Signals) -> int:
        """Send a signal that ends it and return the exit code."""
        self.send(number)
        assert self.process is not None
        return self.process.wait(30)

    def close(self) -> None:
        """Kill it unless it is gone."""
        if self.process is not None and self.process.poll() is None:
            self.send(signal.SIGCONT)
            self.end(signal.SIGKILL)


def until(condition: Callable[[], bool], *logs: Path, seconds: float = 40) -> float:
    """Wait until something is so, and return how many seconds that took; fail with the logs when it does not happen."""
    began = time.monotonic()
    while not condition():
        waited = time.monotonic() - began
        if waited > seconds:
            raise AssertionError("it did not happen in time:\n" + "\n".join(log.read_text()[-3000:] for log in logs))
        time.sleep(0.05)  # reading everything takes processor time that the bridges want
    return time.monotonic() - began
