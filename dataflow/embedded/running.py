"""Start services for the length of a `with` block: for tests, and for programs that need nothing kept running."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from dataflow.embedded.plan import Plan
from dataflow.embedded.probes import Unreachable
from dataflow.embedded.program import Program, Service, ServiceError

START_SECONDS = 60.0
POLL_SECONDS = 0.02


@contextmanager
def start_services(plan: Plan, log_dir: Path) -> Iterator[Mapping[str, str]]:
    """Start all services side by side, yield the settings that lead to them, and stop them at the end.

    What a service prints goes to `log_dir/<name>.log`. Raises ServiceError when one does not come up in a minute.
    """
    log_dir.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        started = []
        # The one that takes longest to prepare comes last, while the others are starting already.
        for service in sorted(plan.services, key=lambda service: service.name == "postgres"):
            service.prepare()
            started.append((service, stack.enter_context(running(service.program(), log_dir))))
        for service, process in started:
            wait_until_it_answers(service, process, log_dir)
            service.finish()
        yield plan.settings


@contextmanager
def running(program: Program, log_dir: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in a process group of its own, and stop it at the end."""
    with open(log_dir / f"{program.name}.log", "ab") as log:
        process = subprocess.Popen(
            program.command(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=program.cwd or "/",
            env=os.environ | dict(program.env),
            start_new_session=True,
        )
    try:
        yield process
    finally:
        stop(program, process)


def stop(program: Program, process: subprocess.Popen[bytes]) -> None:
    """End a program: its own signal first, then, if it takes too long, the whole group by force."""
    if process.poll() is None:
        process.send_signal(program.stop_signal)
        with suppress(subprocess.TimeoutExpired):
            process.wait(program.stop_seconds)
    kill_group(process.pid)
    process.wait()


def kill_group(leader: int) -> None:
    """Kill what is left of a process group."""
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def wait_until_it_answers(service: Service, process: subprocess.Popen[bytes], log_dir: Path) -> None:
    """Block until a service answers; raise ServiceError when it ends or stays silent."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            return service.check()
        except Unreachable as error:
            log = log_dir / f"{service.name}.log"
            if process.poll() is not None:
                raise ServiceError(f"{service.name} ended with status {process.returncode}: {_tail(log)}") from error
            if time.monotonic() > deadline:
                raise ServiceError(f"{service.name} does not answer: {error}. See {log}.") from error
        time.sleep(POLL_SECONDS)


def _tail(log: Sequence[str] | Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if isinstance(log, Path) else log
    return " ".join(lines[-3:])
