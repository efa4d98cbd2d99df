"""One fault's scene: the ground, the devices that go on sending, and what is noted while it happens."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import LiteralString

from psycopg.sql import SQL

from tests.chaos.fleet import Fleet
from tests.chaos.ground import Ground
from tests.chaos.proxy import Link
from tests.stack import RunningStack

POLL_S = 0.1
OUTCOMES = """
SELECT {} FROM (
    SELECT seq FROM telemetry.vehicle WHERE ts >= to_timestamp(%(start)s)
    AND device_id IN (SELECT id FROM ingest_device WHERE starts_with(name, %(prefix)s))
    UNION ALL
    SELECT (convert_from(payload, 'UTF8')::jsonb ->> 'seq')::bigint FROM validation_quarantined
    WHERE starts_with(topic, 'vehicles/' || %(prefix)s)
) AS outcomes WHERE seq <= %(below)s
"""


class NotPossibleHere(Exception):
    """A fault cannot be made on this machine; the message says why. It is skipped."""


@dataclass
class Measure:
    """How long something took, and how long it may."""

    name: str
    seconds: float
    limit_s: float

    @property
    def kept(self) -> bool:
        """Tell whether it was fast enough."""
        return self.seconds <= self.limit_s

    def __str__(self) -> str:
        return f"{self.name} {self.seconds:.1f} s" + ("" if self.kept else f" (limit {self.limit_s:g} s)")


@dataclass
class Scene:
    """What a fault may touch, and where it says what it found."""

    ground: Ground
    fleet: Fleet
    chance: random.Random
    small: bool = False  # short holds, for a run of seconds
    complaints: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    measures: list[Measure] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    also: list[Fleet] = field(default_factory=list)  # more devices, whose readings are compared, too
    deleted: set[int] = field(default_factory=set)  # readings that the fault itself has deleted

    @property
    def stack(self) -> RunningStack:
        """Return the running stack."""
        return self.ground.stack

    # --- Time --------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Say that the fault begins now, and not when its preparation did."""
        self.began = time.monotonic()

    def hold(self, seconds: float, small: float = 2.0) -> None:
        """Let the fault last."""
        time.sleep(small if self.small else seconds)

    def measure(self, name: str, condition: Callable[[], bool], limit_s: float, since: float | None = None) -> float:
        """Wait until something is so, note how long that took, and complain when it took too long or never came."""
        began = self.began if since is None else since
        while not (so := condition()) and time.monotonic() - began < 2 * limit_s:
            time.sleep(POLL_S)
        seconds = time.monotonic() - began
        measure = Measure(name, seconds, limit_s)
        self.measures.append(measure)
        if not so:
            self.complaints.append(f"{name}: not within {2 * limit_s:g} s")
        elif not measure.kept:
            self.complaints.append(str(measure))
        return seconds

    # --- Saying ------------------------------------------------------------------------------------------------------

    def expect(self, so: bool, what: str) -> None:
        """Complain unless something is so."""
        if not so:
            self.complaints.append(what)

    def note(self, text: str) -> None:
        """Note what was done, for the table."""
        self.notes.append(text)

    def device(self, name: str) -> str:
        """Return a name for a device that is none of the fleet's."""
        return f"x{self.fleet.prefix}{name}"

    # --- Doing -------------------------------------------------------------------------------------------------------

    def one_of(self, names: Sequence[str]) -> str:
        """Choose one by the seed and note it."""
        name = self.chance.choice(names)
        self.note(name)
        return name

    def kill(self, *names: str) -> None:
        """Kill processes of the stack and hold them back when they are started again."""
        for name in names:
            self.ground.hold(name)
        self.begin()
        for name in names:
            self.ground.signal(name)

    def release(self, *names: str) -> None:
        """Let processes start that were held back."""
        for name in names:
            self.ground.release(name)

    @contextmanager
    def stopped(self, names: Iterable[str]) -> Iterator[None]:
        """Let processes stand still for the length of a block."""
        names = list(names)
        self.begin()
        for name in names:
            self.ground.signal(name, signal.SIGSTOP)
        try:
            yield
        finally:
            for name in names:
                self.ground.release(name)

    def links(self, *patterns: str) -> list[Link]:
        """Return the links whose names begin so."""
        return [link for name, link in self.ground.network.links.items() if name.startswith(patterns)]

    # --- Looking -----------------------------------------------------------------------------------------------------

    def newest(self) -> int:
        """Return the number of the newest of the devices' readings that has an outcome, -1 before the first."""
        return self._outcomes("coalesce(max(seq), 0)") - 1

    def count(self) -> int:
        """Return how many of the devices' readings have an outcome."""
        return self._outcomes("count(DISTINCT seq)")

    def flows(self) -> Callable[[], bool]:
        """Return a question: has a reading been stored, or refused, that was made after now?"""
        made = self.fleet.made
        return lambda: self.newest() >= made

    def has_all_until(self, number: int) -> Callable[[], bool]:
        """Return a question: has every reading below a number an outcome, but for those deleted on purpose?"""
        return lambda: self._outcomes("count(DISTINCT seq)", number) >= number - len(self.deleted)

    def _outcomes(self, wanted: LiteralString, below: int = 2**31) -> int:
        values = {"start": self.fleet.start - 1, "prefix": self.fleet.prefix, "below": below}
        with self.stack.database() as database:
            row = database.execute(SQL(OUTCOMES).format(SQL(wanted)), values).fetchone()
        assert row is not None
        return int(row[0])
