"""All processes of a stack: started in one order, stopped in another, and killed when somebody insists."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from enum import IntEnum, auto

from dataflow.embedded.output import Output
from dataflow.embedded.process import LAST_WORDS_S, Child, ServiceChild, spawn
from dataflow.embedded.program import Program, Service

START_SECONDS = 120.0  # for a service to answer: it may have to recover what a crash left half done


class Stage(IntEnum):
    """The order of stopping: whoever sends before whoever takes."""

    SIMULATORS = auto()
    BRIDGES = auto()
    WORKERS = auto()
    SCHEDULER = auto()
    SITE = auto()
    SERVICES = auto()


class StepFailed(Exception):
    """A program that had to succeed before the stack can run did not."""


class Supervisor:
    """Owns the children. All methods belong to the event loop of the main thread."""

    def __init__(self, output: Output, keep_open: Sequence[int] = ()) -> None:
        self._output, self._keep_open = output, tuple(keep_open)
        self._children: dict[Stage, list[Child]] = defaultdict(list)

    async def start_services(self, services: Sequence[Service]) -> None:
        """Start services side by side and wait until all answer; raise ServiceError when one does not."""
        children = [ServiceChild(service, self._output, self._keep_open) for service in services]
        for child in children:
            self._children[Stage.SERVICES].append(child)
        await asyncio.gather(*(child.start() for child in children))
        await asyncio.gather(*(child.wait_until_it_answers(START_SECONDS) for child in children))

    async def start(self, stage: Stage, program: Program) -> None:
        """Start a program and keep it running until its stage is stopped."""
        child = Child(program, self._output, self._keep_open)
        self._children[stage].append(child)
        await child.start()

    async def run(self, program: Program) -> None:
        """Run a program to its end; raise StepFailed unless it succeeds."""
        process, relay = await spawn(program, self._output, self._keep_open)
        try:
            status = await process.wait()
            await asyncio.wait({relay}, timeout=LAST_WORDS_S)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        if status:
            raise StepFailed(f"{program.name} failed (status {status}); see its output above.")

    async def stop(self, before: Callable[[Stage], Awaitable[None]]) -> None:
        """Stop all children, stage by stage; `before` is awaited before a stage that has any."""
        for stage in Stage:
            children = self._children[stage]
            if not children:
                continue
            await before(stage)
            self._output.say(f"stopping {', '.join(child.name for child in children)}")
            await asyncio.gather(*(child.stop() for child in children))

    def kill(self) -> None:
        """Kill all children and what belongs to them, at once."""
        for children in self._children.values():
            for child in children:
                child.kill()
