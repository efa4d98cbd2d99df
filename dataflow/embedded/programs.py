"""The programs of a stack: what runs beside the services, with its command line."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from dataflow.embedded.program import Program, SignOfLife
from dataflow.embedded.supervisor import Stage
from dataflow.lib.heartbeat import FOLDER
from ingest.names import session_name
from validation.vitals import DEAF_S, WORKER_QUEUES, there_is_work

# The largest message a browser may send: a subscription that names every device of a page.
WEBSOCKET_BYTES = 65_536
CELERY_ENV = {
    # Celery would run Django's checks, and load every page for them; `set_up` has run them.
    "CELERY_SKIP_CHECKS": "1",
    # The warning is about pickle, which no worker here accepts.
    "PYTHONWARNINGS": "ignore:You're running the worker",
}


@dataclass(frozen=True, kw_only=True)
class Programs:
    """How many of each, where the site listens, and the settings they all get."""

    base: Path
    settings: Mapping[str, str]
    bind: str
    port: int
    bridges: int
    workers: int
    simulated: int
    group: str = "dataflow"  # begins the names of the bridges' sessions
    data_dir: Path | None = None  # where workers show that they work
    queue_url: str = ""  # the Redis with their queue

    @property
    def local_url(self) -> str:
        """Return the site's address on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.bind, self.bind)  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host and host[0] != '[' else host}:{self.port}"

    def set_up(self) -> Program:
        """Return what has to end well before anything else starts."""
        return self._manage("set_up", "set_up")

    def bridge_sessions(self) -> list[str]:
        """Return the client ids that the bridges use with the embedded broker, which does not share: one."""
        return [session_name(self.group, 0)]

    def running(self) -> Iterator[tuple[Stage, Program]]:
        """Return what runs all the time, but for the simulated vehicles."""
        for number in range(self.bridges):
            name = f"bridge-{number}"
            yield Stage.BRIDGES, _lean(replace(self._manage(name, "run_bridge", "--name", name), stop_seconds=15))
        for number in range(self.workers):
            yield Stage.WORKERS, self._worker(f"worker-{number}")
        scheduler = self._celery("scheduler", "beat", "-S", "dataflow.scheduler.SlotScheduler", "-l", "warning")
        yield Stage.SCHEDULER, _lean(scheduler)
        yield Stage.SCHEDULER, self._manage("watch", "run_watch")
        yield Stage.SITE, self._site()

    def simulators(self) -> Iterator[tuple[Stage, Program]]:
        """Return the simulated vehicles, which start last: what they send must find the bridge subscribed."""
        if self.simulated:
            program = self._manage("vehicles", "simulate_devices", "--devices", str(self.simulated))
            yield Stage.SIMULATORS, _lean(replace(program, stop_seconds=15))

    def _worker(self, name: str) -> Program:
        # One process that does its tasks itself, where a pool would be a process more that only hands them out. Gossip,
        # mingling and heartbeats are talk between workers that nothing here listens to.
        pool = ("-P", "solo", "-n", f"{name}@%h", "--prefetch-multiplier", "1")
        quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "warning")
        # A stop waits for the task in hand, which makes room after some seconds.
        return replace(self._celery(name, "worker", *pool, *quiet), stop_seconds=20, sign_of_life=self._sign(name))

    def _sign(self, name: str) -> SignOfLife | None:
        if self.data_dir is None or not self.queue_url:
            return None
        has_work = partial(there_is_work, self.queue_url, WORKER_QUEUES)
        # A deaf worker notices by itself at DEAF_S. This is for one that cannot even do that.
        return SignOfLife(file=self.data_dir / FOLDER / name, patience_s=DEAF_S + 5, has_work=has_work)

    def _site(self) -> Program:
        listen = ("-b", self.bind, "-p", str(self.port))
        limits = ("--websocket_timeout", "-1", "--websocket-max-message-size", str(WEBSOCKET_BYTES))
        options = ("--no-server-name", "-v", "0", "dataflow.asgi:application")
        return self._program("site", sys.executable, "-m", "daphne", *listen, *limits, *options)

    def _celery(self, name: str, command: str, *arguments: str) -> Program:
        quiet = () if command == "beat" else ("-q",)  # beat tells which lock it takes; a worker shows a banner
        argv = (sys.executable, "-m", "celery", *quiet, "-A", "dataflow", command, *arguments)
        program = self._program(name, *argv)
        return replace(program, env={**program.env, **CELERY_ENV})

    def _manage(self, name: str, *arguments: str) -> Program:
        return self._program(name, sys.executable, str(self.base / "manage.py"), *arguments)

    def _program(self, name: str, *argv: str) -> Program:
        env = {**self.settings, "PYTHONUNBUFFERED": "1", "DJANGO_SETTINGS_MODULE": "dataflow.settings"}
        # Threads of Python run one at a time, so heaps of their own only keep memory: some 15 MB over all processes.
        env["MALLOC_ARENA_MAX"] = "1"
        return Program(name=name, argv=argv, env=env, cwd=self.base)


def _lean(program: Program) -> Program:
    """Return a program that shows nothing without the site's part of the settings, which costs it some 15 MB."""
    return replace(program, env={**program.env, "DJANGO_SETTINGS_MODULE": "dataflow.lean"})
