"""Devices that go mad: readings are changed, or left out, on their way from the device into its outbox."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from simulators.profiles import ENCODER, Kind
from simulators.source import Batch, Source

SPIKE_EVERY_S = 10.0  # seconds between two readings that are far too high
DRIFT_S = 60.0  # seconds in which a value drifts from where it is to far too high
# What is far too high and still within the limits of a model, by the field that goes mad: the first of its kind.
FAR = {"speed": 200.0, "temperature": 75.0}
FAULTS = ("spike", "stuck", "drift", "silent")


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong, `after` how many seconds of the run, with which device."""

    name: str
    after: float
    device: str


@dataclass(slots=True)
class FaultySource:
    """A source whose readings go wrong from some moment on. Times are those of the source."""

    source: Source
    kind: Kind
    fault: Fault
    _held: float | None = field(default=None, init=False)  # what it is stuck at, or has drifted from
    _next: float = field(default=0.0, init=False)  # when the next spike is due

    def next_at(self) -> float | None:
        """Return when to call `take` next."""
        return self.source.next_at()

    def take(self, elapsed: float, now: float, room: int) -> Batch:
        """Return what is due, as the fault has it."""
        batch = self.source.take(elapsed, now, room)
        if elapsed < self.fault.after:
            return batch
        if self.fault.name == "silent":
            return batch._replace(payloads=[])
        change = {"spike": self._spike, "stuck": self._stuck, "drift": self._drift}[self.fault.name]
        return batch._replace(payloads=[self._changed(payload, elapsed, change) for payload in batch.payloads])

    def _changed(self, payload: bytes, elapsed: float, change: Callable[[float, float], float]) -> bytes:
        values = json.loads(payload)
        name = self.kind.fields[0]
        values[name] = round(change(values[name], elapsed), 2)
        return ENCODER.encode(values).encode()

    def _spike(self, value: float, elapsed: float) -> float:
        if elapsed < self._next:
            return value
        self._next = elapsed + SPIKE_EVERY_S
        return FAR[self.kind.fields[0]]

    def _stuck(self, value: float, elapsed: float) -> float:
        # A vehicle that stands shows the same speed as one whose sensor is stuck: it sticks while driving.
        if self._held is None and value:
            self._held = value
        return value if self._held is None else self._held

    def _drift(self, value: float, elapsed: float) -> float:
        if self._held is None:
            self._held = value
        share = min(1.0, (elapsed - self.fault.after) / DRIFT_S)
        return self._held + share * (FAR[self.kind.fields[0]] - self._held)
