"""The long run: a high rate, and every 20 s something else is killed, until the time is up. Then everything is counted.

Nothing is proxied here: the rate is meant to come near what the machine can do.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg
import redis

from tests.chaos import oracles
from tests.chaos.fleet import EARLIER_S, Fleet
from tests.chaos.ground import Ground
from tests.chaos.memory import Grown, Memory
from tests.project import copy_of_project, eventually

EVERY_S = 20.0
AWAY_S = 2.0, 10.0  # a buffer, between
FLOW_S = 60.0  # for the first readings to be stored
STILL_S = 60.0  # without any movement at the end, after which what is missing does not come any more
SAY_S = 60.0
KINDS = {"bridge": "bridge", "worker": "workers", "scheduler": "scheduler", "watch": "watch", "site": "site"}


@dataclass
class Came:
    """What a storm came to."""

    seconds: float = 0.0
    killed: Counter[str] = field(default_factory=Counter)
    sent: int = 0
    acknowledged: int = 0
    lost: int = 0
    duplicated: int = 0
    absorbed: int = 0
    drained_s: float = 0.0
    memory: list[Grown] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return asdict(self)

    def lines(self) -> list[str]:
        """Return it for people."""
        told = [
            f"{sum(self.killed.values())} kills in {self.seconds:.0f} s: "
            + ", ".join(f"{name} {count}" for name, count in sorted(self.killed.items())),
            f"sent {self.sent:,}, acknowledged {self.acknowledged:,}, lost {self.lost}, duplicated {self.duplicated}, "
            f"absorbed {self.absorbed:,}, all stored {self.drained_s:.1f} s after the last was sent",
            *map(str, self.memory),
        ]
        return [*told, *self.complaints, "FAILED" if self.complaints else "all is well"]


class Storm:
    """One long run."""

    def __init__(
        self,
        folder: Path,
        seed: str,
        say: Callable[[str], None],
        *,
        minutes: float,
        rate: float,
        bridges: int,
        workers: int,
        buffers: int,
    ) -> None:
        self._minutes, self._rate, self._buffers, self._say = minutes, rate, buffers, say
        folder.chmod(0o755)  # PostgreSQL may run as another user
        (folder / "project").mkdir()
        project = copy_of_project(folder / "project")
        self._log = folder / "storm.log"
        self._ground = Ground(
            project, folder / "ground", bridges=bridges, workers=workers, buffers=buffers, linked=False
        )
        self._chance = random.Random(seed)
        self.came = Came()

    def run(self) -> Came:
        """Run it; whatever is wrong is in the answer."""
        seconds = 60 * self._minutes
        with self._ground:
            # Event times are a millisecond apart, whatever the rate: they must not overtake the clock.
            earlier_s = EARLIER_S + max(0.0, seconds * (self._rate / 1000 - 1))
            fleet = Fleet(self._ground.network.loop, self._ground.devices, "storm_", self._rate, 10, earlier_s)
            fleet.begin()
            try:
                eventually(lambda: self._stored() > 0, "readings are stored", FLOW_S)
                with Memory(self._processes) as memory:
                    self._rage(fleet, seconds)
                    self._calm(fleet)
                self.came.memory = memory.result()
            finally:
                fleet.close()
            self._judge(fleet)
            if self.came.complaints:
                self._log.write_text(self._ground.stack.log)
                self._say(f"the log of the stack is in {self._log}")
        return self.came

    # --- What happens ------------------------------------------------------------------------------------------------

    def _rage(self, fleet: Fleet, seconds: float) -> None:
        began = last_said = time.monotonic()
        while (now := time.monotonic()) - began < seconds:
            if now - last_said >= SAY_S:
                last_said = now
                self._say(self._state(fleet, now - began))
            time.sleep(max(0.0, min(EVERY_S, began + seconds - now)))
            if time.monotonic() - began < seconds:
                self._kill(self._chance.choice(self._victims()))
        self.came.seconds = time.monotonic() - began

    def _victims(self) -> Sequence[str]:
        ours = [name for kind in KINDS for name in self._ground.names(kind)]
        return [*ours, *(f"buffer-{number}" for number in range(1, self._buffers + 1))]

    def _kill(self, name: str) -> None:
        self.came.killed[name] += 1
        if name.startswith("buffer"):
            self._ground.kill_server(name)
            time.sleep(self._chance.uniform(*AWAY_S))
            self._ground.server(name).start()
        else:
            self._ground.wait_for_another(name, self._ground.signal(name))

    def _calm(self, fleet: Fleet) -> None:
        """Let everything that was made arrive."""
        began = time.monotonic()
        fleet.stop_making()
        state, moved = self._state(fleet, 0), began
        # What has not arrived when nothing moves any more is counted afterwards.
        while not self._is_drained(fleet) and time.monotonic() - moved < STILL_S:
            time.sleep(1.0)
            if (now := self._state(fleet, 0)) != state:
                state, moved = now, time.monotonic()
        self.came.drained_s = time.monotonic() - began

    def _is_drained(self, fleet: Fleet) -> bool:
        """Tell whether everything has arrived; there are no other devices than those of the fleet."""
        if fleet.left or oracles.left_in_buffers(self._ground):
            return False
        ((count,),) = self._ground.stack.query("SELECT count(*) FROM telemetry.vehicle")
        return int(count) >= fleet.made

    # --- What is asked -----------------------------------------------------------------------------------------------

    def _stored(self) -> int:
        ((count,),) = self._ground.stack.query("SELECT count(*) FROM validation_ledgerentry")
        return int(count)

    def _state(self, fleet: Fleet, seconds: float) -> str:
        try:
            waiting = f"{oracles.left_in_buffers(self._ground)} entries in the buffers"
        except redis.RedisError:
            waiting = "a buffer is away"
        return f"{seconds:.0f} s: {fleet.made:,} made, {fleet.left:,} not acknowledged, {waiting}"

    def _processes(self) -> dict[str, psutil.Process]:
        names = [name for kind in KINDS for name in self._ground.names(kind)]
        return self._ground.processes_named([*names, "up"])

    def _judge(self, fleet: Fleet) -> None:
        came, stack = self.came, self._ground.stack
        came.sent, came.acknowledged = fleet.made, len(fleet.acked)
        missing, never_sent, changed, came.duplicated = oracles.counts(stack, fleet)
        came.lost = max(0, missing - fleet.left)  # what nobody acknowledged may be missing
        found = {
            "acknowledged readings are lost (O1)": came.lost,
            "readings are stored more than once (O2)": came.duplicated,
            "readings were never sent (O2)": never_sent,
            "readings changed on the way (O2)": changed,
            "readings are still in the outboxes (O3)": fleet.left,
            "devices have newest values that are not those of their newest reading (O7)": oracles.wrong_newest(
                stack, fleet
            ),
        }
        came.complaints += [f"{count} {what}" for what, count in found.items() if count]
        came.complaints += [f"{one.name} grows (O5)" for one in came.memory if not one.is_flat]
        came.complaints += [
            f"{one.name} takes {one.most_mb:.0f} MB (O5)"
            for one in came.memory
            if one.most_mb > oracles.MOST_MB.get(KINDS.get(one.name.partition("-")[0], ""), one.most_mb)
        ]
        try:
            came.absorbed = stack.audit()["duplicate"]
        except (AssertionError, psycopg.Error) as error:
            came.complaints.append(f"the books do not balance (O3): {' '.join(str(error).split())[:300]}")
