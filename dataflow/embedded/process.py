"""One child process kept running: started again when it dies, with the rest of its group killed first."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from asyncio.subprocess import DEVNULL, STDOUT, Process
from collections.abc import Sequence
from contextlib import suppress

from dataflow.embedded.listening import listen
from dataflow.embedded.output import Output
from dataflow.embedded.probes import Unreachable
from dataflow.embedded.program import Program, Service, ServiceError

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.2, 15.0  # before a restart, doubled each time in a row
PROVEN_S = 30.0  # a process that ran so long was well; its next death is the first again
POLL_S = 0.1
LAST_WORDS_S = 1.0  # for what a process printed before it ended to reach the screen
HEALTH_S = 5.0  # between two looks at a service that answers
MOST_RESTARTS = 5  # of a service before it has answered for the first time


async def spawn(program: Program, output: Output, keep_open: Sequence[int]) -> tuple[Process, asyncio.Task[None]]:
    """Start a program in a session of its own; return it and the task that relays what it prints.

    The pipe is ours and not asyncio's, because the end of the process must not wait for its children, which hold the
    pipe open too. Raises OSError when the program cannot be started.
    """
    read_end, write_end = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *program.command(),
            stdin=DEVNULL,
            stdout=write_end,
            stderr=STDOUT,
            cwd=program.cwd or "/",
            env=os.environ | dict(program.env),
            start_new_session=True,
            pass_fds=keep_open,
        )
    except BaseException:
        os.close(read_end)
        raise
    finally:
        os.close(write_end)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read_end, "rb", buffering=0)
    )
    return process, asyncio.create_task(output.relay(program.name, reader))


class Child:
    """A program that runs until it is stopped. All methods belong to the event loop of the main thread.

    The kernel ties the parent-death signal to the thread that forked, so it must be one that lives to the end.
    """

    def __init__(self, program: Program, output: Output, keep_open: Sequence[int] = ()) -> None:
        self.name = program.name
        self.restarts = 0
        self.process: Process | None = None
        self._program, self._output, self._keep_open = program, output, tuple(keep_open)
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._relay: asyncio.Task[None] | None = None
        self._listening: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Return the process id while it runs."""
        return self.process.pid if self.process and self.process.returncode is None else None

    async def start(self) -> None:
        """Start the process and keep it running from now on. Raises OSError when Python itself cannot be started."""
        await self._spawn()
        self._task = asyncio.create_task(self._keep(), name=self.name)
        if sign := self._program.sign_of_life:
            self._listening = asyncio.create_task(listen(self, sign, self._output), name=f"listen to {self.name}")

    async def stop(self) -> None:
        """End the process by its own signal, or by force when it takes too long; never start it again."""
        self._stopping.set()
        if self._listening:
            self._listening.cancel()
        if self.pid:
            self.signal(self._program.stop_signal)
            self.signal(signal.SIGCONT)  # one that stands still could not hear it
        if self._task:
            done, _ = await asyncio.wait({self._task}, timeout=self._program.stop_seconds)
            if not done:
                self._output.say(f"still there after {self._program.stop_seconds:g} s: killed", self.name)
                self.kill()
            await self._task

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process, not to its children."""
        if self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill the process and all that belongs to its group."""
        self._stopping.set()
        self._kill_group()

    async def _keep(self) -> None:
        pause, began = FIRST_PAUSE_S, time.monotonic()
        while True:
            await self._end()
            if self._stopping.is_set():
                return
            if time.monotonic() - began > PROVEN_S:
                pause = FIRST_PAUSE_S
            self._output.say(f"ended ({self._reason()}); starting it again in {pause:g} s", self.name)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause)
                return
            pause = min(2 * pause, LONGEST_PAUSE_S)
            self.restarts += 1
            began = time.monotonic()
            await self._start_again()

    async def _start_again(self) -> None:
        try:
            await self._spawn()
        except OSError as error:
            self._output.say(f"cannot be started: {error}", self.name)

    async def _spawn(self) -> None:
        self.process = None
        self.process, self._relay = await spawn(self._program, self._output, self._keep_open)

    async def _end(self) -> None:
        """Wait until the process has ended, and leave nothing of its group behind."""
        if self.process is None:
            return
        await self.process.wait()
        # What it started (the pool of a worker) would go on working for nobody, and hold its output open.
        self._kill_group()
        if self._relay:
            await asyncio.wait({self._relay}, timeout=LAST_WORDS_S)

    def end_by_force(self) -> None:
        """Kill the process and all that belongs to its group; it is started again."""
        self._kill_group()

    def _kill_group(self) -> None:
        if self.process:
            # The group outlives its leader as long as a member lives, so the id cannot have gone to somebody else.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def _reason(self) -> str:
        code = self.process.returncode if self.process else None
        if code is None:
            return "not started"
        return f"signal {signal.Signals(-code).name}" if code < 0 else f"status {code}"


class ServiceChild(Child):
    """A service kept running: prepared before every start, and started again too when it no longer answers."""

    def __init__(self, service: Service, output: Output, keep_open: Sequence[int] = ()) -> None:
        super().__init__(service.program(), output, keep_open)
        self._service = service
        self._watch: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Prepare and start the service. Raises ServiceError or OSError when that is impossible."""
        await asyncio.to_thread(self._service.prepare)
        if not self._stopping.is_set():
            await super().start()

    async def wait_until_it_answers(self, seconds: float) -> None:
        """Wait for the service, complete its set-up and watch it from then on; raise ServiceError when it is slow."""
        try:
            await asyncio.wait_for(self._until_it_answers(), seconds)
            await asyncio.to_thread(self._service.finish)
        except TimeoutError as error:
            raise ServiceError(f"{self.name} does not answer within {seconds:g} s; see its output above.") from error
        self._watch = asyncio.create_task(self._look_after(), name=f"watch {self.name}")

    async def stop(self) -> None:
        """Stop watching, then stop the service."""
        if self._watch:
            self._watch.cancel()
        await super().stop()

    async def _start_again(self) -> None:
        try:
            await asyncio.to_thread(self._service.prepare)
        except (ServiceError, OSError) as error:
            self._output.say(f"cannot be prepared: {error}", self.name)
        await super()._start_again()

    async def _until_it_answers(self) -> None:
        while not await self._answers():
            if self.restarts >= MOST_RESTARTS:
                raise ServiceError(f"{self.name} ends as soon as it is started; see its output above.")
            await asyncio.sleep(POLL_S)

    async def _look_after(self) -> None:
        """Complete the set-up after a restart, and notice a service that runs without answering."""
        seen, silent_since = self.restarts, 0.0
        while True:
            well = not silent_since and seen == self.restarts
            await asyncio.sleep(HEALTH_S if well else POLL_S * 10)
            if await self._answers():
                if seen != self.restarts:
                    await self._finish_again()
                if silent_since:
                    self._output.say("answers again", self.name)
                seen, silent_since = self.restarts, 0.0
            elif not silent_since:
                self._output.say("does not answer", self.name)
                silent_since = time.monotonic()
            elif seen == self.restarts and time.monotonic() - silent_since > self._service.patience:
                self._output.say(f"has not answered for {self._service.patience:g} s: killed", self.name)
                self._kill_group()
                silent_since = time.monotonic()

    async def _answers(self) -> bool:
        try:
            await asyncio.to_thread(self._service.check)
        except Unreachable:
            return False
        return True

    async def _finish_again(self) -> None:
        try:
            await asyncio.to_thread(self._service.finish)
        except Exception as error:  # noqa: BLE001  (reported; the watch goes on, and the service may heal)
            self._output.say(f"its set-up could not be completed: {error}", self.name)
