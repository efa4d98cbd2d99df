"""Run one fault: devices send, the fault happens and ends, everything drains, and every oracle is asked."""

from __future__ import annotations

import itertools
import random
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.chaos import oracles
from tests.chaos.fleet import Fleet
from tests.chaos.ground import Ground
from tests.chaos.oracles import Resources, Watch
from tests.chaos.registry import Fault
from tests.chaos.scene import Measure, NotPossibleHere, Scene

START_S = 60.0  # for the first reading to be stored before a fault
BASE_S, SMALL_BASE_S = 3.0, 1.0  # of steady flow before a fault
OUTBOX_S = 120.0  # for the broker to take what the devices have kept
SHOWN_AFTER_S = 8.0  # a shorter fault may be over before a question to the site times out
COMPLETE_S = 120.0  # for everything to be stored, before it is called lost
STILL_S = 45.0  # without any movement, after which what is missing does not come any more
POLL_S = 0.2
_numbers = itertools.count(1)


@dataclass
class Row:
    """What came of one fault: a row of the table."""

    fault: str
    title: str
    did: str = ""
    verdict: str = "ok"  # or FAILED, or skipped
    sent: int = 0
    acknowledged: int = 0
    lost: int = 0
    duplicated: int = 0
    refused: int = 0  # in quarantine
    absorbed: int = 0  # duplicates that came and were not stored
    first_row_s: float | None = None
    drained_s: float | None = None
    red_s: float | None = None
    measures: list[Measure] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)


class Trial:
    """One fault on one ground."""

    def __init__(self, ground: Ground, fault: Fault, *, rate: float, seed: str, small: bool = False) -> None:
        self._ground, self._fault = ground, fault
        prefix = f"c{next(_numbers)}{fault.id.lower().replace('-', '')[:16]}_"
        fleet = Fleet(ground.network.loop, ground.devices, prefix, rate)
        self.scene = Scene(ground, fleet, random.Random(f"{seed} {fault.id}"), small)
        self.row = Row(fault.id, fault.title)

    def run(self) -> Row:
        """Run it; whatever goes wrong is in the row."""
        row, scene = self.row, self.scene
        try:
            self._run()
        except NotPossibleHere as reason:
            row.verdict, row.did = "skipped", str(reason)
            return row
        except Exception as error:  # noqa: BLE001  (the other faults are still to come)
            scene.complaints.append(f"{type(error).__name__}: {error}".splitlines()[0][:500])
            scene.complaints.append(traceback.format_exc(limit=-2))
        finally:
            scene.fleet.close()
            self._ground.network.heal()
            self._ground.release_all()
        if row.refused:
            scene.note(f"{row.refused} readings in quarantine")
        row.did = ", ".join(scene.notes)
        row.measures, row.complaints = scene.measures, scene.complaints
        row.verdict = "FAILED" if scene.complaints else "ok"
        return row

    def _run(self) -> None:
        scene, ground = self.scene, self._ground
        scene.fleet.begin()
        scene.measure("flow", scene.flows(), START_S, since=time.monotonic())
        scene.measures.clear()
        time.sleep(SMALL_BASE_S if scene.small else BASE_S)
        before = Resources.of(ground.stack)
        with Watch(ground.stack) as watch:
            scene.begin()
            self._fault.act(scene)
            ground.network.heal()
            ground.release_all()
            self._recover(watch)
        self._compare()
        if not self._fault.spoils:
            self._check_books()
        scene.complaints += Resources.of(ground.stack).beyond(before)

    def _recover(self, watch: Watch) -> None:
        """Wait until readings are stored again, and until all are (O3, O4); then look at what health has said (O6)."""
        scene, fleet, row, healed = self.scene, self.scene.fleet, self.row, time.monotonic()
        row.first_row_s = self._wait("the first row", scene.flows(), self._fault.first_row_s, healed)
        fleet.stop_making()
        _until(lambda: not fleet.left, OUTBOX_S)
        scene.expect(not fleet.left, f"O3: {fleet.left} readings are still in the outboxes")
        row.drained_s = self._wait("drained", self._is_drained, self._fault.drained_s, healed, self._state)
        if self._fault.shown and healed - scene.began > SHOWN_AFTER_S:
            row.red_s = watch.red_after(scene.began)
            red = row.red_s is not None and row.red_s < oracles.RED_S
            scene.expect(red, f"O6: /readyz did not say within {oracles.RED_S:g} s that something is wrong")
        scene.expect(_until(watch.is_green, oracles.GREEN_S), "O6: /readyz does not say that all is well again")

    def _wait(
        self,
        what: str,
        condition: Callable[[], bool],
        limit_s: float,
        since: float,
        state: Callable[[], object] = time.monotonic,
    ) -> float:
        """Wait until something is so, or for very long, or until nothing has moved for long."""
        seen, moved, deadline = state(), time.monotonic(), time.monotonic() + max(limit_s, COMPLETE_S)
        while not (so := condition()) and time.monotonic() < min(deadline, moved + STILL_S):
            time.sleep(POLL_S)
            if (now := state()) != seen:
                seen, moved = now, time.monotonic()
        seconds = time.monotonic() - since
        in_time = so and seconds <= limit_s
        self.scene.expect(in_time, f"O4: {what} took {'' if so else 'more than '}{seconds:.1f} s (limit {limit_s:g} s)")
        return round(seconds, 1)

    def _state(self) -> object:
        return self.scene.newest(), self.scene.count(), oracles.left_in_buffers(self._ground)

    def _is_drained(self) -> bool:
        complete = self.scene.has_all_until(self.scene.fleet.made)()
        complete = complete and not any(oracles.compare(self.scene.stack, fleet).lost for fleet in self.scene.also)
        return complete and not oracles.left_in_buffers(self._ground)

    def _compare(self) -> None:
        for fleet in (self.scene.fleet, *self.scene.also):
            self._compare_fleet(fleet)

    def _compare_fleet(self, fleet: Fleet) -> None:
        scene, row = self.scene, self.row
        found = oracles.compare(scene.stack, fleet)
        lost = found.lost - scene.deleted if fleet is scene.fleet else found.lost
        row.sent += fleet.made
        row.acknowledged += len(fleet.acked)
        row.lost += len(lost)
        row.duplicated += found.duplicated
        row.refused += found.refused
        scene.expect(self._fault.refuses or not found.refused, f"O1: {found.refused} good readings are in quarantine")
        scene.expect(not lost, f"O1: {len(lost)} acknowledged readings are lost{_when(lost, fleet, scene.began)}")
        scene.expect(not found.duplicated, f"O2: {found.duplicated} readings are stored more than once")
        for name, count in found.faults.items():
            scene.complaints.append(f"O2: {count} readings {name}")
        wrong = oracles.wrong_newest(scene.stack, fleet)
        scene.expect(not wrong, f"O7: the newest values of {wrong} devices are not those of their newest reading")

    def _check_books(self) -> None:
        left = oracles.left_in_buffers(self._ground)
        self.scene.expect(not left, f"O3: {left} entries are left in the buffers")
        try:
            duplicates = self.scene.stack.audit()["duplicate"]
            self.row.absorbed, self._ground.duplicates = duplicates - self._ground.duplicates, duplicates
        except AssertionError as error:
            self.scene.complaints.append(f"O3: the books do not balance: {' '.join(str(error).split())[:300]}")


def _when(lost: set[int], fleet: Fleet, began: float) -> str:
    """Say when lost readings were acknowledged, as seconds after the fault began."""
    if not lost:
        return ""
    times = sorted(fleet.acked.when(number) - began for number in lost)
    return f", acknowledged {times[0]:+.1f} to {times[-1]:+.1f} s after the fault began"


def _until(condition: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not (so := condition()) and time.monotonic() < deadline:
        time.sleep(POLL_S)
    return so
