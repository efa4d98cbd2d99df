"""What holds when the broker goes away while devices measure, and comes back.

A broker that keeps its sessions on disk loses nothing: every reading arrives, in order, once. The embedded broker keeps
them in memory; when it is killed, what it had acknowledged to a device and not yet handed to the bridge is gone, and
nothing else.
"""

from __future__ import annotations

import json
import sqlite3
import subprocess
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.debian import Debian
from tests.oracle import Arrival, arrivals, faults_of_arrivals
from tests.project import eventually
from tests.stack import RunningStack

DEVICES, RATE = 10, 5  # readings per second and device
ARRIVE_S = 30.0  # for what is under way to be stored
SETTLED_S = 1.0  # after which devices have written down what was acknowledged until then


class Run(NamedTuple):
    """Devices that measure for a while, in a process of their own."""

    began: float
    process: subprocess.Popen[str]
    outbox: Path

    def finish(self) -> dict[str, dict[str, int]]:
        """Wait for the end and return each device's counts."""
        out, _ = self.process.communicate(timeout=180)
        summary = json.loads(out)
        assert self.process.returncode == 0, summary
        counts: dict[str, dict[str, int]] = summary["devices"]
        return counts


def measure(stack: RunningStack, folder: Path, seconds: float) -> Run:
    """Start ten devices and wait until all are connected."""
    began, outbox = time.time(), folder / "outbox"
    options = ["--profile", "sensor", "--devices", str(DEVICES), "--rate", str(RATE), "--duration", str(seconds)]
    process = stack.spawn("simulate_devices", *options, "--outbox-dir", str(outbox), "--json")
    eventually(lambda: f"{DEVICES} of {DEVICES} devices connected" in stack.spawn_log, "the devices are connected", 60)
    return Run(began, process, outbox)


def left_in(outbox: Path) -> dict[str, list[int]]:
    """Return the numbers of the readings in each device's outbox file."""
    left = {}
    for path in sorted(outbox.glob("*.sqlite3")):
        with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as file:
            rows = file.execute("SELECT payload FROM outbox ORDER BY id").fetchall()
        left[path.stem] = [json.loads(payload)["seq"] for (payload,) in rows]
    return left


def wait_for_quiet(stack: RunningStack) -> None:
    """Wait until the bridge has had everything and nothing is on its way."""
    before, since = -1, time.monotonic()
    while time.monotonic() - since < 1.5:
        ((count,),) = stack.query("SELECT count(*) FROM telemetry.sensor")
        if count != before:
            before, since = count, time.monotonic()
        time.sleep(0.2)


def arrivals_of_all(stack: RunningStack, since: float, counts: dict[str, dict[str, int]]) -> dict[str, list[Arrival]]:
    """Return what has arrived once it is as much as was made, or after some seconds."""
    total, deadline = sum(count["made"] for count in counts.values()), time.monotonic() + ARRIVE_S
    while True:
        found = arrivals(stack, since)
        if sum(map(len, found.values())) >= total or time.monotonic() > deadline:
            return {device: found.get(device, []) for device in counts}
        time.sleep(0.3)


def outage(stack: RunningStack, debian: Debian, folder: Path, seconds: float) -> None:
    """Take the broker away for some seconds, and see that everything arrives all the same."""
    run = measure(stack, folder, seconds + 4)
    time.sleep(1.5)
    debian.mosquitto.stop()
    time.sleep(seconds)
    debian.mosquitto.start()
    counts = run.finish()
    assert len(counts) == DEVICES
    assert all(count["made"] > RATE * seconds and count["dropped"] == 0 for count in counts.values()), counts
    assert left_in(run.outbox) == {device: [] for device in counts}
    found = arrivals_of_all(stack, run.began, counts)
    assert {device: faults_of_arrivals(found[device], counts[device]["made"]) for device in counts} == {
        device: [] for device in counts
    }
    late = max(reading.received_at - reading.ts for readings in found.values() for reading in readings)
    assert late > seconds - 2, "the broker was to be away"
    stack.audit()


def test_every_reading_arrives_in_order_and_once_when_the_broker_was_away(
    debian_stack: RunningStack, debian: Debian, tmp_path: Path
) -> None:
    outage(debian_stack, debian, tmp_path, seconds=5)


@pytest.mark.chaos
def test_every_reading_arrives_in_order_and_once_when_the_broker_was_away_for_long(
    debian_stack: RunningStack, debian: Debian, tmp_path: Path
) -> None:
    outage(debian_stack, debian, tmp_path, seconds=20)


def test_the_check_notices_readings_that_are_lost_doubled_swapped_or_made_up() -> None:
    good = [Arrival(seq, 100.0 + seq, 200.0 + seq) for seq in range(1, 6)]
    assert faults_of_arrivals(good, 5) == []
    assert faults_of_arrivals(good[:2] + good[3:], 5) == ["3 is missing"]
    assert faults_of_arrivals(good[:4], 5) == ["5 is missing"]
    assert "3 came 2 times" in faults_of_arrivals([*good[:3], *good[2:]], 5)
    assert faults_of_arrivals(good, 4) == ["5 was never made"]
    swapped: list[Any] = [*good[:2], good[2]._replace(received_at=300.0), *good[3:]]
    assert faults_of_arrivals(swapped, 5) == ["4 did not come after 3"]
