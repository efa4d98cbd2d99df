"""Run many devices on one event loop, from the first connection to the last goodbye."""

from __future__ import annotations

import asyncio
import logging
import resource
import ssl
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from enum import Enum
from typing import Any

from simulators.claims import Claims
from simulators.complaints import Complaints
from simulators.counts import Counts
from simulators.device import Device
from simulators.plan import Plan, open_devices
from simulators.session import Surroundings

log = logging.getLogger(__name__)

CONNECTS_PER_S = 200  # at the start; a broker on a small machine takes them without queueing
CONNECTORS = 8  # threads that wait for handshakes
LOOK_S = 0.1  # how often it is looked whether the run has ended
CHECK_S = 1.0  # how often each device is checked
STUCK_S = 10.0  # a finite run ends when nothing was acknowledged for this long
LEAVE_S = 2.0  # for the brokers' answers to the goodbyes
FILES_PER_DEVICE = 4  # a socket, and SQLite's file, log and index
SPARE_FILES = 100


class Ending(Enum):
    """Why a run ended."""

    FINISHED = "finished"
    INTERRUPTED = "interrupted"  # Ctrl-C
    TERMINATED = "terminated"  # SIGTERM
    FORCED = "forced"  # a second of either
    FAILED = "failed"  # an error that nobody expected


DRAIN_S = {
    Ending.FINISHED: None,
    Ending.INTERRUPTED: 10.0,
    Ending.TERMINATED: 5.0,
    Ending.FORCED: 0.0,
    Ending.FAILED: 0.0,
}


class Stopper:
    """Where a wish to end the run arrives. The first one ends it in order, the second at once."""

    def __init__(self) -> None:
        self.ending: Ending | None = None

    def request(self, ending: Ending) -> None:
        """Wish for the end. May be called from a signal handler of the event loop."""
        self.ending = ending if self.ending is None else Ending.FORCED
        if self.ending is not Ending.FORCED:
            log.info("ending: connected devices send what they have; the same again stops at once")

    def fail(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log an error that came out of a callback and end the run: a device must not fall silent unnoticed."""
        loop.default_exception_handler(context)
        self.ending = Ending.FAILED


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run came to. `connected` tells whether the broker ever accepted a device."""

    counts: dict[str, Counts]
    ending: Ending
    connected: bool
    seconds: float


class FileLimitError(Exception):
    """The process may not open as many files as the devices need."""


Report = Callable[[list[Device]], None]
"""Called about once a second with all devices."""

Listen = Callable[[asyncio.AbstractEventLoop], None]
"""Called with the event loop before the run, to install signal handlers."""


def simulate(plan: Plan, stopper: Stopper, report: Report, listen: Listen) -> Outcome:
    """Run the plan to its end and return what came of it. Blocks.

    Raises OutboxError, AlreadyClaimed, FileLimitError, OSError.
    """
    raise_file_limit(len(plan.names))
    plan.outbox_dir.mkdir(parents=True, exist_ok=True)
    with Claims(plan.outbox_dir, plan.names):
        return asyncio.run(run(plan, stopper, report, listen))


async def run(plan: Plan, stopper: Stopper, report: Report, listen: Listen) -> Outcome:
    """Open the devices, let them work, drain them and say goodbye."""
    loop = asyncio.get_running_loop()
    listen(loop)
    loop.set_exception_handler(stopper.fail)
    tls = ssl.create_default_context() if plan.broker.tls else None
    with ExitStack() as stack:
        connectors = ThreadPoolExecutor(CONNECTORS, thread_name_prefix="connect")
        stack.callback(connectors.shutdown, wait=False, cancel_futures=True)
        devices: list[Device] = []
        for device in open_devices(plan, Surroundings(plan.broker, loop, connectors, tls, Complaints(log))):
            stack.callback(device.close)
            devices.append(device)
        began = loop.time()
        for index, device in enumerate(devices):
            device.start(began, index / CONNECTS_PER_S)
        await work(devices, stopper, report)
        await drain(devices, stopper, report)
        await leave(devices, stopper)
    return Outcome(
        counts={device.name: device.counts for device in devices},
        ending=stopper.ending or Ending.FINISHED,
        connected=any(device.counts.connections for device in devices),
        seconds=round(loop.time() - began, 3),
    )


async def work(devices: list[Device], stopper: Stopper, report: Report) -> None:
    """Wait until every source has come to its end, or somebody wishes for the end of the run."""
    check = Check(devices, report)
    while stopper.ending is None and not all(device.done for device in devices):
        await asyncio.sleep(LOOK_S)
        check.when_due()
    for device in devices:
        device.stop()


async def drain(devices: list[Device], stopper: Stopper, report: Report) -> None:
    """Wait until the outboxes are empty.

    A run that was asked to end waits only for devices that are connected and only for some seconds. One that came to
    its end by itself goes on for as long as anything is acknowledged.
    """
    check = Check(devices, report)
    began = changed = time.monotonic()
    before = -1
    while not all(device.drained or (stopper.ending and not device.online) for device in devices):
        now = time.monotonic()
        acknowledged = sum(device.counts.acknowledged for device in devices)
        if acknowledged != before:
            before, changed = acknowledged, now
        patience = DRAIN_S[stopper.ending or Ending.FINISHED]
        if now - changed > STUCK_S or (patience is not None and now - began > patience):
            return
        await asyncio.sleep(LOOK_S)
        check.when_due()


async def leave(devices: list[Device], stopper: Stopper) -> None:
    """Say goodbye, and close what is still open after two seconds or a second wish for the end."""
    deadline = time.monotonic() + LEAVE_S
    for device in devices:
        device.leave()
    while not all(device.over for device in devices):
        if stopper.ending in (Ending.FORCED, Ending.FAILED) or time.monotonic() > deadline:
            break
        await asyncio.sleep(0.01)
    for device in devices:
        device.cut()
    await asyncio.sleep(0)  # so that what is already known reaches the outboxes before they are closed


class Check:
    """Checks every device and reports, once a second."""

    def __init__(self, devices: list[Device], report: Report) -> None:
        self._devices = devices
        self._report = report
        self._due = 0.0

    def when_due(self) -> None:
        """Do it, unless it was done less than a second ago."""
        now = time.monotonic()
        if now < self._due:
            return
        self._due = now + CHECK_S
        for device in self._devices:
            device.check()
        self._report(self._devices)


def raise_file_limit(devices: int) -> None:
    """Allow this process the files that so many devices need. Raises FileLimitError when the system does not let it."""
    needed = devices * FILES_PER_DEVICE + SPARE_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY and soft < needed:
        if hard != resource.RLIM_INFINITY and hard < needed:
            raise FileLimitError(f"{devices} devices need {needed} open files; the limit is {hard} (ulimit -Hn)")
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
