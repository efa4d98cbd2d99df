"""Run a fleet in a thread of the test, or the whole command in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from simulators.broker import parse_broker_url
from simulators.fleet import Ending, Outcome, Stopper, simulate
from simulators.plan import Plan, Wishes, make_plan

ROOT = Path(__file__).resolve().parents[2]

# The command with the smallest settings there can be: no database, no other service, nothing of the server.
COMMAND = """
import sys
import django
from django.conf import settings
settings.configure(MQTT_URL=sys.argv[1], DATA_DIR=sys.argv[2], INSTALLED_APPS=["simulators"], LOGGING_CONFIG=None)
django.setup()
from django.core.management import execute_from_command_line
execute_from_command_line(["manage.py", "simulate_devices", *sys.argv[3:]])
"""


def plan_of(url: str, folder: Path, **wishes: Any) -> Plan:
    return make_plan(Wishes(**wishes), parse_broker_url(url), folder)


class Run:
    """A fleet that runs in a thread until it ends or is stopped."""

    def __init__(self, plan: Plan) -> None:
        self._stopper = Stopper()
        self._outcome: Outcome | None = None
        self.acknowledged = 0
        self._thread = threading.Thread(target=self._run, args=(plan,), daemon=True)
        self._thread.start()

    def _run(self, plan: Plan) -> None:
        self._outcome = simulate(plan, self._stopper, self._report, lambda loop: None)

    def _report(self, devices: Any) -> None:
        self.acknowledged = sum(device.counts.acknowledged for device in devices)

    def stop(self, ending: Ending = Ending.TERMINATED) -> Outcome:
        self._stopper.request(ending)
        return self.outcome()

    def outcome(self, seconds: float = 30.0) -> Outcome:
        self._thread.join(seconds)
        assert self._outcome is not None, "the run has not ended or has failed"
        return self._outcome


class CommandRun:
    """`manage.py simulate_devices` as a process."""

    def __init__(self, url: str, data_dir: Path, *arguments: str) -> None:
        argv = [sys.executable, "-c", COMMAND, url, str(data_dir), *arguments]
        environment = {name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"}
        self.process = subprocess.Popen(
            argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=environment
        )

    def end(self, by: signal.Signals | None = None, seconds: float = 20.0) -> tuple[int, str, str]:
        """Send a signal if one is given, wait, and return exit code, standard output and standard error."""
        if by is not None:
            self.process.send_signal(by)
        out, err = self.process.communicate(timeout=seconds)
        return self.process.returncode, out, err

    def summary(self, by: signal.Signals | None = None) -> dict[str, Any]:
        code, out, err = self.end(by)
        assert code == 0, err
        found: dict[str, Any] = json.loads(out)
        return found
