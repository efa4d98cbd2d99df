"""Devices that measure at a steady rate and keep each reading until the broker has acknowledged it.

They know every reading they made and when it was acknowledged, so afterwards nothing has to be believed. What a reading
says follows from its number (`dataflow.bench.load`), so the database can be asked which are missing (`tests.oracle`).
"""

from __future__ import annotations

import asyncio
import math
import random
import sys
import time
from array import array
from collections import deque
from dataclasses import dataclass, field

from dataflow.bench.load import Load
from tests.chaos.proxy import Loop
from tests.chaos.wire import CONNACK, PINGREQ, Address, Answers, connect_packet
from tests.oracle import DEVICES

WINDOW = 100  # readings of one connection on their way to the broker
TICK_S = 0.02
ANSWER_S = 5.0  # for CONNACK
SILENCE_S = 10.0  # of a broker that owes an answer; then the device connects again
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 2.0
EARLIER_S = 1800.0  # event times, a millisecond apart, begin so long ago, so that none is ahead of the clock


@dataclass
class Device:
    """One connection and what waits for it: readings not sent, and readings not acknowledged, by packet number."""

    waiting: deque[int] = field(default_factory=deque)
    in_flight: dict[int, int] = field(default_factory=dict)
    more: asyncio.Event = field(default_factory=asyncio.Event)
    heard: float = 0.0

    @property
    def left(self) -> int:
        """Return how many readings the device still keeps."""
        return len(self.waiting) + len(self.in_flight)

    def take_back(self) -> None:
        """Send again, and first, what was not acknowledged when a connection ended."""
        self.waiting.extendleft(reversed(self.in_flight.values()))
        self.in_flight.clear()


class Acknowledged:
    """When each reading was acknowledged, on the steady clock, in eight bytes each: there may be millions."""

    def __init__(self) -> None:
        self._at, self._count = array("d"), 0

    def __len__(self) -> int:
        return self._count

    def add(self, number: int, now: float) -> None:
        """Remember when a reading was acknowledged first."""
        if number >= len(self._at):
            self._at.extend([math.nan] * (number + 1 - len(self._at)))
        if math.isnan(self._at[number]):
            self._at[number] = now
            self._count += 1

    def when(self, number: int) -> float:
        """Return when a reading was acknowledged, NaN when it was not."""
        return self._at[number]

    def numbers(self) -> set[int]:
        """Return the readings that were acknowledged."""
        return {number for number, at in enumerate(self._at) if not math.isnan(at)}


class Fleet:
    """Devices on a thread of their own. `made`, `acked` and `left` may be read from any thread."""

    def __init__(
        self,
        loop: Loop,
        address: Address,
        prefix: str,
        rate: float,
        connections: int = 5,
        earlier_s: float = EARLIER_S,
    ) -> None:
        """Prepare devices `<prefix>01` and so on that make `rate` readings a second in all."""
        self.prefix, self.rate, self.start = prefix, rate, round(time.time() - earlier_s, 3)
        self.made = 0
        self.acked = Acknowledged()
        self.connects = 0
        self._loop, self._address = loop, address
        self._load = Load(sys.maxsize, DEVICES, WINDOW, rate, prefix, self.start)
        self._count = connections
        self._devices: list[Device] = []
        self._online = asyncio.Event()
        self._making = True
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def left(self) -> int:
        """Return how many readings are in the outboxes; raise what a device died of, which would look like a loss."""
        for task in self._tasks:
            if task.done() and not task.cancelled():
                task.result()
        return self.made - len(self.acked)

    def begin(self) -> None:
        """Start to measure and to send."""
        self._loop.call(self._begin)

    def stop_making(self) -> None:
        """Make no more readings; go on sending those that are there."""
        self._making = False

    def go_offline(self) -> None:
        """Disconnect every device; they go on measuring."""
        self._loop.call(self._go_offline)

    def go_online(self) -> None:
        """Let every device connect, all at once."""
        self._loop.call(self._online.set)

    def close(self) -> None:
        """End it, whatever is left."""
        self._making = False
        self._loop.call(lambda: [task.cancel() for task in self._tasks])

    # --- In the loop -------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        self._online.set()
        self._devices = [Device() for _ in range(self._count)]
        self._tasks = [asyncio.create_task(self._make())]
        self._tasks += [asyncio.create_task(self._live(device, n)) for n, device in enumerate(self._devices)]

    def _go_offline(self) -> None:
        self._online.clear()
        for device in self._devices:
            device.more.set()

    async def _make(self) -> None:
        began = time.monotonic()
        while self._making:
            for number in range(self.made, int((time.monotonic() - began) * self.rate)):
                device = self._devices[number % self._count]
                device.waiting.append(number)
                device.more.set()
                self.made = number + 1
            await asyncio.sleep(TICK_S)

    async def _live(self, device: Device, number: int) -> None:
        pause = FIRST_PAUSE_S
        while True:
            await self._online.wait()
            began = time.monotonic()
            try:
                await self._session(device, f"{self.prefix}{number}-{self.connects}")
            except (OSError, asyncio.IncompleteReadError, TimeoutError):
                pause = FIRST_PAUSE_S if time.monotonic() - began > SILENCE_S else min(2 * pause, LONGEST_PAUSE_S)
            device.take_back()
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))

    async def _session(self, device: Device, client_id: str) -> None:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(*self._address), ANSWER_S)
        tasks: list[asyncio.Task[None]] = []
        try:
            self.connects += 1
            writer.write(connect_packet(client_id))
            answer = await asyncio.wait_for(reader.readexactly(4), ANSWER_S)
            if answer[0] != CONNACK or answer[3]:
                raise ConnectionError(f"the broker refused the connection: {answer!r}")
            device.heard = time.monotonic()
            tasks = [
                asyncio.create_task(self._send(device, writer)),
                asyncio.create_task(self._hear(device, reader)),
            ]
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            writer.close()

    async def _send(self, device: Device, writer: asyncio.StreamWriter) -> None:
        while self._online.is_set():
            packets = []
            while device.waiting and len(device.in_flight) < WINDOW:
                number = device.waiting.popleft()
                device.in_flight[number % 65_535 + 1] = number
                packets.append(self._load.packet(number))
            if packets:
                writer.write(b"".join(packets))
                await writer.drain()
            if time.monotonic() - device.heard > SILENCE_S:
                raise ConnectionError("the broker is silent")
            device.more.clear()
            try:
                await asyncio.wait_for(device.more.wait(), 1.0)
            except TimeoutError:
                writer.write(PINGREQ)

    async def _hear(self, device: Device, reader: asyncio.StreamReader) -> None:
        answers = Answers()
        while data := await reader.read(65_536):
            device.heard = now = time.monotonic()
            for mid in answers.take(data):
                if (number := device.in_flight.pop(mid, None)) is not None:
                    self.acked.add(number, now)
            if device.waiting:
                device.more.set()
        raise ConnectionError("the broker has closed the connection")
