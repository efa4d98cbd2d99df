"""A run of many faults: each on the ground that the last one left, or on a new one when that is spoiled."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.chaos.control_runs import Control
from tests.chaos.ground import Ground
from tests.chaos.registry import Fault, chosen
from tests.chaos.run import Row, Trial
from tests.project import copy_of_project


@dataclass
class Session:
    """What is the same for all faults of a run. `folder` keeps the logs of those that fail."""

    folder: Path
    seed: str
    rate: float = 500.0
    bridges: int = 2
    workers: int = 2
    buffers: int = 2
    small: bool = False
    say: Callable[[str], None] = print
    rows: list[Row] = field(default_factory=list)
    _ground: ExitStack = field(default_factory=ExitStack)
    _current: Ground | None = None
    _grounds: int = 0

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o755)  # PostgreSQL may run as another user
        (self.folder / "project").mkdir()
        self._project = copy_of_project(self.folder / "project")

    def run(self, faults: Sequence[Fault], minutes: float = 0.0) -> Iterator[Row]:
        """Yield the row of each fault, in an order that follows from the seed; go on for some minutes when asked to."""
        order, end = random.Random(self.seed), time.monotonic() + 60 * minutes
        try:
            while True:
                mixed = order.sample(list(faults), len(faults))
                for fault in sorted(mixed, key=lambda fault: fault.plain):  # so that grounds are changed once
                    yield self._row(fault)
                    if minutes and time.monotonic() > end:
                        return
                if not minutes:
                    return
        finally:
            self._ground.close()

    def control(self, control: Control) -> Row:
        """Run a fault on a product that is broken on purpose; the row is fine when the fault shows that."""
        (fault,) = (fault for fault in chosen([control.fault]) if fault.id == control.fault)
        with self._new_ground(fault, [control.name]) as ground:
            row = Trial(ground, fault, rate=self.rate, seed=self.seed, small=self.small).run()
        shown = control.shown(row)
        row.fault, row.title = control.name, f"control: {control.title}, {fault.id}"
        row.did = "; ".join(text for text in row.complaints if text.startswith(("O1", "O2")))
        row.complaints = [] if shown else [*row.complaints, "the suite did not notice what is broken on purpose"]
        row.verdict = "noticed" if shown else "FAILED"
        return row

    def _row(self, fault: Fault) -> Row:
        if fault.needs > self.bridges:
            return Row(fault.id, fault.title, f"needs {fault.needs} bridges", "skipped")
        ground = self._ready_ground(fault)
        row = Trial(ground, fault, rate=self.rate, seed=self.seed, small=self.small).run()
        if row.verdict == "FAILED":
            log = self.folder / f"{fault.id}-{self._grounds}.log"
            log.write_text(ground.stack.log)
            self.say(f"{fault.id}: the log of the stack is in {log}")
        if row.verdict == "FAILED" or fault.spoils:
            self._leave()
        return row

    def _ready_ground(self, fault: Fault) -> Ground:
        if self._current is not None and fault.plain and not self._current.plain:
            self._leave()
        if self._current is None:
            self._current = self._ground.enter_context(self._new_ground(fault))
        return self._current

    def _leave(self) -> None:
        self._ground.close()
        self._current = None

    def _new_ground(self, fault: Fault, controls: Sequence[str] = ()) -> Ground:
        self._grounds += 1
        self.say(f"starting servers, links and a stack{', broken on purpose' * bool(controls)}")
        folder = self.folder / f"ground-{self._grounds}"
        return Ground(
            self._project,
            folder,
            bridges=self.bridges,
            workers=self.workers,
            buffers=self.buffers,
            plain=fault.plain,
            controls=controls,
        )
