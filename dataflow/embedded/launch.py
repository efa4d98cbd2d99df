"""One run of the whole stack, from the first service to the last goodbye: what `manage.py up` does."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from redis.exceptions import RedisError

from dataflow.embedded.broker import Session
from dataflow.embedded.given import check_given
from dataflow.embedded.output import Output
from dataflow.embedded.plan import Plan, plan_services
from dataflow.embedded.ports import Ports, choosing_ports
from dataflow.embedded.probes import Unreachable, probe_site
from dataflow.embedded.programs import Programs
from dataflow.embedded.supervisor import Stage, Supervisor
from dataflow.lib.env import Environment
from dataflow.stack import Stack
from ingest.ring import STREAM, connect

SITE_SECONDS = 60.0  # for the site to answer for the first time
DRAIN_SECONDS = 20.0  # for the workers to empty the buffers once the bridges have stopped
POLL_SECONDS = 0.1
INTERRUPTED = 130


@dataclass
class Launch:
    """What to run, and where. `given` is what people set: the environment and `.env`."""

    programs: Programs
    stack: Stack
    given: Environment
    output: Output
    announce: Callable[[Programs, Plan], None]
    _signal: signal.Signals | None = field(default=None, init=False)

    def run(self) -> int:
        """Run the stack until a signal; return the exit code.

        Raises StackRuns, ServiceError, StepFailed or Unreachable when it cannot be started, with all stopped again.
        """
        self.stack.acquire(self.output.say)
        try:
            return asyncio.run(self._main())
        finally:
            self.stack.release()

    async def _main(self) -> int:
        supervisor = Supervisor(self.output, keep_open=[self.stack.lock])
        asked = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self._on_signal, number, asked, supervisor)
        work = asyncio.create_task(self._start(supervisor))
        waiting = asyncio.create_task(asked.wait())
        try:
            await asyncio.wait({work, waiting}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
                await waiting
        finally:
            for task in (work, waiting):
                task.cancel()
            await asyncio.gather(work, waiting, return_exceptions=True)
            await supervisor.stop(self._before_stopping)
            self.stack.retire()
        self.output.say("stopped")
        return INTERRUPTED if self._signal == signal.SIGINT else 0

    def _on_signal(self, number: signal.Signals, asked: asyncio.Event, supervisor: Supervisor) -> None:
        if self._signal is None:
            self._signal = number
            self.output.say(f"{number.name}: stopping in order; once more stops at once")
            asked.set()
            return
        self.output.say(f"{number.name} again: killed")
        supervisor.kill()
        with suppress(OSError, ValueError):
            sys.stderr.flush()
        # Nothing is waited for any more, not even threads that ask services whether they answer.
        os._exit(INTERRUPTED)

    async def _start(self, supervisor: Supervisor) -> None:
        await asyncio.to_thread(check_given, self.given)
        with await asyncio.to_thread(choosing_ports):
            plan = await asyncio.to_thread(self._plan)
            await supervisor.start_services(plan.services)
        queue_url = plan.settings.get("REDIS_URL") or self.given.find("REDIS_URL") or ""
        self.programs = replace(
            self.programs, settings=self._settings(plan), data_dir=self.stack.data_dir, queue_url=queue_url
        )
        self.stack.publish(self.programs.settings)
        await supervisor.run(self.programs.set_up())
        for stage, program in self.programs.running():
            await supervisor.start(stage, program)
        await self._until_the_site_answers()
        for stage, program in self.programs.simulators():
            await supervisor.start(stage, program)
        self.announce(self.programs, plan)

    def _plan(self) -> Plan:
        topics = tuple(self.given.names("MQTT_TOPICS", "#"))
        return plan_services(
            self.stack.data_dir,
            lambda name: self.given.find(name) is not None,
            Ports(),
            self.stack.last(),
            [Session(client_id, topics) for client_id in self.programs.bridge_sessions()],
        )

    def _settings(self, plan: Plan) -> Mapping[str, str]:
        settings = dict(plan.settings)
        if self.given.find("SITE_URL") is None:
            settings["SITE_URL"] = self.programs.local_url
        if self.programs.bridges == 1 and self.given.find("MQTT_SHARED") is None:
            # Mosquitto 2.0 forgets shared subscriptions when it is restarted, and then acknowledges what comes before
            # the bridge is back, and drops it. One bridge needs no sharing.
            settings["MQTT_SHARED"] = "false"
        return settings

    async def _until_the_site_answers(self) -> None:
        deadline = time.monotonic() + SITE_SECONDS
        while True:
            try:
                return await asyncio.to_thread(probe_site, self.programs.local_url)
            except Unreachable as error:
                if time.monotonic() > deadline:
                    raise Unreachable(f"The site does not answer at {self.programs.local_url}: {error}") from error
            await asyncio.sleep(POLL_SECONDS)

    async def _before_stopping(self, stage: Stage) -> None:
        """Give the workers time to empty the buffers: the bridges have stopped, so nothing more comes in."""
        urls = self.programs.settings.get("BUFFER_URLS") or self.given.find("BUFFER_URLS") or ""
        if stage is not Stage.WORKERS or not urls:
            return
        deadline = time.monotonic() + DRAIN_SECONDS
        while (left := await asyncio.to_thread(batches_left, urls.split(","))) and time.monotonic() < deadline:
            await asyncio.sleep(POLL_SECONDS)
        if left:
            self.output.say(f"{left} batches stay in the buffers; they are stored after the next start")


def batches_left(urls: list[str]) -> int:
    """Return how many batches wait in the buffers that answer. Blocks for a time-out per dead buffer."""
    left = 0
    for url in urls:
        with suppress(RedisError, OSError), connect(url.strip()) as client:
            left += int(client.xlen(STREAM))
    return left
