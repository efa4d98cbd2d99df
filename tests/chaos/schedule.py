"""Faults of the scheduler: gone, and two of them."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import redis

from dataflow.embedded.program import Program
from dataflow.embedded.running import running
from tests.chaos.registry import fault
from tests.chaos.scene import Scene

SWEEP = b"validation.sweep"
SWEEP_S = 3.0  # between two of them
TAKEOVER_S = 60.0
BEAT = ("-m", "celery", "-A", "dataflow", "beat", "-S", "dataflow.scheduler.SlotScheduler", "-l", "warning")


class Sweeps:
    """Listens to Celery's queue and remembers when a sweep was put into it."""

    def __init__(self, url: str) -> None:
        self.moments: list[float] = []
        self._client = redis.Redis.from_url(url, socket_timeout=1)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="sweeps", daemon=True)

    def __enter__(self) -> Sweeps:
        self._thread.start()
        return self

    def __exit__(self, *of: object) -> None:
        self._stopping.set()
        self._thread.join(5)

    def since(self, moment: float) -> int:
        """Return how many there were since a moment."""
        return sum(at >= moment for at in self.moments)

    def _listen(self) -> None:
        with self._client.monitor() as monitor:  # type: ignore[no-untyped-call]
            while not self._stopping.is_set():
                try:
                    command = monitor.next_command()
                except redis.TimeoutError:
                    continue
                text = command["command"].encode(errors="replace")
                if text.upper().startswith(b"LPUSH") and SWEEP in text:
                    self.moments.append(time.monotonic())


@contextmanager
def second_scheduler(scene: Scene) -> Iterator[None]:
    """Run another scheduler for the length of a block, as a second host would."""
    stack = scene.stack
    env = {**stack.environment, **stack.settings, "DJANGO_SETTINGS_MODULE": "dataflow.lean", "CELERY_SKIP_CHECKS": "1"}
    program = Program(name="second-scheduler", argv=(sys.executable, *BEAT), env=env, cwd=stack.project)
    with running(program, stack.folder):
        yield


@fault("F4", "kill -9 of the scheduler, away for 40 s")
def kill_scheduler(scene: Scene) -> None:
    scene.kill("scheduler")
    scene.hold(40)
    scene.release("scheduler")


@fault("F4-two", "two schedulers at once; then the one that works is killed")
def two_schedulers(scene: Scene) -> None:
    with Sweeps(scene.stack.settings["REDIS_URL"]) as sweeps, second_scheduler(scene):
        time.sleep(10)  # until the second one has started
        counted, began = 9.0 if scene.small else 30.0, time.monotonic()
        time.sleep(counted)
        count = sweeps.since(began)
        scene.note(f"{count} sweeps in {counted:g} s")
        wanted = counted / SWEEP_S
        scene.expect(abs(count - wanted) <= 1.5, f"{count} sweeps in {counted:g} s, and not {wanted:g}")
        scene.kill("scheduler")
        killed = time.monotonic() + SWEEP_S  # what it had sent last does not count
        scene.measure("the other schedules", lambda: sweeps.since(killed) > 0, TAKEOVER_S)
        scene.release("scheduler")
