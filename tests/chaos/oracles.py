"""What has to hold after every fault.

O1 loss        what the broker acknowledged to a device is stored, or in quarantine with its reason
O2 phantoms    stored is only what was sent, once, as it was sent
O3 drained     nothing is left in outboxes and buffers, and the books balance
O4 recovery    how long it took until readings were stored again, and until all were
O5 bounded     memory, open files and database connections are back where they were
O6 truth       `/readyz` said that something was wrong, and says that it is well again
O7 order       a device's newest values are those of its newest reading
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import Self

import psutil

from dataflow.bench.processes import kind_of
from ingest.ring import STREAM
from tests.chaos.fleet import Fleet
from tests.chaos.ground import Ground
from tests.oracle import DEVICES, READINGS
from tests.stack import RunningStack
from validation.streams import GROUP

MOST_MB = {
    "bridge": 250,
    "workers": 300,
    "scheduler": 150,
    "watch": 250,
    "site": 350,
}  # of one process; twice what they need
MORE_FILES, MORE_CONNECTIONS = 40, 12  # than before the fault
RED_S, GREEN_S = 15.0, 15.0
LOOK_S = 0.5

STORED = """
SELECT seq - 1 FROM telemetry.vehicle JOIN ingest_device ON ingest_device.id = device_id
WHERE ts >= to_timestamp(%s) AND starts_with(name, %s)
"""
REFUSED = """
SELECT (convert_from(payload, 'UTF8')::jsonb ->> 'seq')::bigint - 1 FROM validation_quarantined
WHERE starts_with(topic, 'vehicles/' || %s) AND jsonb_array_length(reasons) > 0
"""
NOT_NEWEST = """
SELECT count(*) FROM ingest_device
JOIN validation_latest ON validation_latest.device_id = ingest_device.id
JOIN (SELECT device_id, max(ts) AS ts FROM telemetry.vehicle GROUP BY device_id) AS newest
  ON newest.device_id = ingest_device.id
WHERE starts_with(name, %s) AND validation_latest.ts <> newest.ts
"""


@dataclass
class Comparison:
    """The devices' readings against the tables."""

    lost: set[int]
    refused: int
    duplicated: int
    faults: dict[str, int]


def counts(stack: RunningStack, fleet: Fleet) -> tuple[int, int, int, int]:
    """Return how many readings are missing, were never sent, changed on the way and are stored more than once."""
    values = {"prefix": fleet.prefix, "devices": DEVICES, "count": fleet.made, "start": fleet.start}
    with stack.database() as database:
        row = database.execute(READINGS, values).fetchone()
    assert row is not None
    missing, never_sent, changed, duplicated = row
    return missing, never_sent, changed, duplicated


def compare(stack: RunningStack, fleet: Fleet) -> Comparison:
    """Compare what was made and acknowledged with what is in the tables (O1, O2)."""
    acked = fleet.acked.numbers()
    _, never_sent, changed, duplicated = counts(stack, fleet)
    with stack.database() as database:
        stored = database.execute(STORED, (fleet.start - 1, fleet.prefix)).fetchall()
        refused = database.execute(REFUSED, (fleet.prefix,)).fetchall()
    lost = acked - {number for (number,) in (*stored, *refused)}
    faults = {"never sent": never_sent, "changed on the way": changed}
    return Comparison(lost, len(refused), duplicated, {name: count for name, count in faults.items() if count})


def wrong_newest(stack: RunningStack, fleet: Fleet) -> int:
    """Return how many devices' newest values are not those of their newest reading (O7)."""
    ((count,),) = stack.query(NOT_NEWEST, fleet.prefix)
    return int(count)


def left_in_buffers(ground: Ground) -> int:
    """Return how many entries are in the buffers or held by somebody (O3). Raises redis.RedisError."""
    left = 0
    for buffer in ground.buffers():
        with buffer:
            left += int(buffer.xlen(STREAM))
            if any(group["name"] == GROUP.encode() for group in buffer.xinfo_groups(STREAM)):
                left += int(buffer.xpending(STREAM, GROUP)["pending"])
    return left


@dataclass
class Resources:
    """What processes hold: open files by name of kind, database connections, megabytes of the largest of each kind."""

    files: dict[str, int] = field(default_factory=dict)
    megabytes: dict[str, int] = field(default_factory=dict)
    connections: int = 0

    @classmethod
    def of(cls, stack: RunningStack) -> Self:
        """Look at the stack's processes now."""
        found = cls()
        for process in stack.processes():
            try:
                kind = kind_of(process)
                found.files[kind] = max(found.files.get(kind, 0), process.num_fds())
                found.megabytes[kind] = max(found.megabytes.get(kind, 0), process.memory_info().rss // 1_000_000)
            except psutil.Error:
                continue
        ((found.connections,),) = stack.query("SELECT count(*) FROM pg_stat_activity WHERE usename = current_user")
        return found

    def beyond(self, before: Resources) -> list[str]:
        """Say what has grown beyond its bound since before (O5)."""
        grown = [
            f"{kind} holds {count} open files, {before.files[kind]} before"
            for kind, count in self.files.items()
            if kind in before.files and count > before.files[kind] + MORE_FILES
        ]
        grown += [
            f"{kind} takes {count} MB" for kind, count in self.megabytes.items() if count > MOST_MB.get(kind, count)
        ]
        if self.connections > before.connections + MORE_CONNECTIONS:
            grown.append(f"{self.connections} database connections, {before.connections} before")
        return grown


class Watch:
    """Asks `/readyz` twice a second, from a thread of its own, and remembers the answers (O6)."""

    def __init__(self, stack: RunningStack) -> None:
        self._stack, self._answers = stack, list[tuple[float, bool]]()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._look, name="watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *of: object) -> None:
        self._stopping.set()
        self._thread.join(10)

    def _look(self) -> None:
        while not self._stopping.wait(LOOK_S):
            asked = time.monotonic()
            self._answers.append((asked, self._stack.answers("/readyz")))

    def red_after(self, moment: float) -> float | None:
        """Return how many seconds after a moment it was first not well, None when it was never."""
        return next((at - moment for at, well in self._answers if at >= moment and not well), None)

    def is_green(self) -> bool:
        """Tell whether it is well by the last answer."""
        return bool(self._answers) and self._answers[-1][1]
