"""What must be in the tables after a fault, and everything that is wrong with what is.

The load gives every reading values that follow from its number, so the database itself can be asked which readings are
missing, which came twice, which nobody sent, and which have changed on the way.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import psycopg

from dataflow.embedded.program import Program
from tests.project import clean_environment
from tests.stack import RunningStack

DEVICES = 10  # of the load

READINGS = """
WITH wanted AS (
    SELECT %(prefix)s || lpad((n %% %(devices)s + 1)::text, 2, '0') AS device, n + 1 AS seq,
           %(start)s + n / 1000.0 AS ts, n %% 1200 / 10.0 AS speed, n %% 360 AS heading
    FROM generate_series(0, %(count)s - 1) AS n
), found AS (
    SELECT name AS device, seq, extract(epoch FROM ts) AS ts, speed, heading
    FROM telemetry.vehicle JOIN ingest_device ON ingest_device.id = device_id WHERE starts_with(name, %(prefix)s)
), compared AS (
    SELECT wanted.seq AS wanted, found.seq AS found, abs(found.ts - wanted.ts) < 0.002
           AND abs(found.speed - wanted.speed) < 1e-9 AND found.heading = wanted.heading AS same
    FROM wanted FULL JOIN found USING (device, seq)
)
SELECT count(*) FILTER (WHERE found IS NULL), count(*) FILTER (WHERE wanted IS NULL),
       count(*) FILTER (WHERE wanted IS NOT NULL AND found IS NOT NULL AND NOT same),
       (SELECT count(*) FROM found) - (SELECT count(DISTINCT (device, seq)) FROM found)
FROM compared
"""
FAULTS = ("missing", "never sent", "changed on the way", "more than once")


class Load:
    """Readings on their way from `dataflow.bench.load` into the table of the model `vehicle`."""

    def __init__(self, stack: RunningStack, prefix: str, count: int, rate: float = 0) -> None:
        """Start to publish `count` readings, `rate` a second or as fast as the broker takes them."""
        self.prefix, self.count = prefix, count
        self.began = 0.0
        host, port = stack.mqtt311
        command = [sys.executable, "-m", "dataflow.bench.load", "--host", host, "--port", str(port)]
        command += ["--count", str(count), "--devices", str(DEVICES), "--rate", str(rate), "--prefix", prefix]
        program = Program(name="load", argv=tuple(command))
        self._process = subprocess.Popen(
            program.command(), cwd=stack.project, env=clean_environment(), stdout=subprocess.PIPE, text=True
        )

    @property
    def is_over(self) -> bool:
        """Tell whether everything has been published."""
        return self._process.poll() is not None

    def acknowledged(self, seconds: float = 120.0) -> int:
        """Wait for the end and return how many readings the broker has acknowledged."""
        out, _ = self._process.communicate(timeout=seconds)
        answer = json.loads(out)
        self.began = answer["began"]
        return int(answer["acked"])

    def faults(self, database: psycopg.Connection[tuple[Any, ...]]) -> dict[str, int]:
        """Return what is wrong with the rows of this load, by kind; empty when each is there once, as it was sent."""
        values = {
            "prefix": self.prefix, "devices": DEVICES, "count": self.count, "start": self.began - self.count / 1000
        }  # fmt: skip
        row = database.execute(READINGS, values).fetchone()
        assert row is not None
        return {name: number for name, number in zip(FAULTS, row, strict=True) if number}


class Arrival(NamedTuple):
    """One stored reading: its number at the device, when it was measured and when it was received (epoch seconds)."""

    seq: int
    ts: float
    received_at: float


def arrivals(stack: RunningStack, since: float) -> dict[str, list[Arrival]]:
    """Return the stored readings of sensors from a time on, by device, in the order of their numbers."""
    found: dict[str, list[Arrival]] = {}
    for name, *values in stack.query(
        "SELECT name, seq, extract(epoch FROM ts)::float8, extract(epoch FROM received_at)::float8 "
        "FROM telemetry.sensor JOIN ingest_device ON ingest_device.id = device_id "
        "WHERE ts >= to_timestamp(%s) ORDER BY name, seq, received_at",
        since,
    ):
        found.setdefault(name, []).append(Arrival(*values))
    return found


def faults_of_arrivals(readings: Sequence[Arrival], made: int) -> list[str]:
    """Say what is wrong with a device's readings when it has made so many: each must be there once and in order."""
    counts = Counter(reading.seq for reading in readings)
    faults = [f"{seq} is missing" for seq in range(1, made + 1) if seq not in counts]
    faults += [f"{seq} came {count} times" for seq, count in counts.items() if count > 1]
    faults += [f"{seq} was never made" for seq in counts if not 1 <= seq <= made]
    for before, after in pairwise(readings):
        if after.ts <= before.ts or after.received_at < before.received_at:
            faults.append(f"{after.seq} did not come after {before.seq}")
    return faults
