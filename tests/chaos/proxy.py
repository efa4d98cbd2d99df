"""TCP links that can fail: a proxy in front of a server, for one kind of client.

What a network does to a connection without asking either end is done here: refuse it, reset it, swallow it in silence,
delay it, let through little, or let requests arrive and never an answer. All links live in one event loop, on a thread
of their own, so that whoever commands them may block.
"""

from __future__ import annotations

import asyncio
import random
import socket
import struct
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from dataflow.embedded.ports import LOOPBACK, Ports

PIECE = 64 * 1024
ON_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of zero seconds: closing sends a reset
Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Weather:
    """What happens to bytes on a link. The default is that of a good day."""

    delay_s: float = 0.0
    stall_share: float = 0.0  # of the pieces, which wait `stall_s` instead
    stall_s: float = 2.0
    bytes_per_s: float = 0.0  # 0: as many as there are
    silent: bool = False  # nothing passes in either direction, and nobody is told
    deaf: bool = False  # requests arrive, answers are lost


class Loop:
    """An event loop on a thread of its own."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="network", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Answer], timeout_s: float = 30.0) -> Answer:
        """Run a coroutine there and wait for its answer."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout_s)

    def call(self, function: Callable[[], Answer]) -> Answer:
        """Call a function there and wait for its answer."""

        async def work() -> Answer:
            return function()

        return self.run(work())

    def close(self) -> None:
        """End the thread with whatever still runs there."""
        self.run(self._cancel_all())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    @staticmethod
    async def _cancel_all() -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)


class Connection:
    """One client's connection through a link."""

    def __init__(self, link: Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._link, self._reader, self._writer = link, reader, writer
        self._upstream: asyncio.StreamWriter | None = None
        self.torn = False  # bytes of it were lost, so that it cannot go on

    async def run(self) -> None:
        """Pass bytes on in both directions until one end has had enough; then close both."""
        try:
            await self._link.until_it_speaks()
            answers, self._upstream = await asyncio.open_connection(*self._link.target)
            forth = asyncio.create_task(self._pass_on(self._reader, self._upstream, answers=False))
            back = asyncio.create_task(self._pass_on(answers, self._writer, answers=True))
            try:
                await asyncio.wait({forth, back}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (forth, back):
                    task.cancel()
                await asyncio.gather(forth, back, return_exceptions=True)
        except OSError:
            pass  # the server is away: the client sees its connection end
        finally:
            self.close()

    def close(self) -> None:
        """End it in order, at both ends."""
        for writer in (self._writer, self._upstream):
            if writer is not None and not writer.is_closing():
                writer.close()

    def reset(self) -> None:
        """End it as a crashed router does: both ends get a reset."""
        for writer in (self._writer, self._upstream):
            if writer is not None and not writer.is_closing():
                with suppress(OSError):
                    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ON_RESET)
                writer.transport.abort()

    async def _pass_on(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, answers: bool) -> None:
        while data := await source.read(PIECE):
            await self._link.until_it_speaks()
            weather = self._link.weather
            if answers and weather.deaf:
                self.torn = True
                continue
            await _travel(len(data), weather)
            sink.write(data)
            await sink.drain()
            # While it is silent the end of the connection must not be heard of either.
        await self._link.until_it_speaks()


async def _travel(size: int, weather: Weather) -> None:
    """Take as long as so many bytes take in some weather."""
    wait = weather.delay_s * random.uniform(0.7, 1.3)
    if weather.stall_share and random.random() < weather.stall_share:
        wait += weather.stall_s
    if weather.bytes_per_s:
        wait += size / weather.bytes_per_s
    if wait:
        await asyncio.sleep(wait)


class Link:
    """A proxy in front of one server. Its methods may be called from any thread but that of its loop."""

    def __init__(self, loop: Loop, name: str, target: tuple[str, int], port: int) -> None:
        self.name, self.target, self.port, self.weather = name, target, port, Weather()
        self.accepted = 0  # connections since it was made: a client that notices a dead one makes another
        self._loop, self._connections = loop, set[Connection]()
        self._speaks = asyncio.Event()
        self._speaks.set()
        self._server: asyncio.Server | None = None
        loop.run(self._listen())

    # --- Faults ------------------------------------------------------------------------------------------------------

    def set(self, weather: Weather) -> None:
        """Change the weather."""
        self._loop.call(lambda: self._change(weather))

    def cut(self) -> None:
        """End all connections and refuse new ones, until it is healed."""
        self._loop.run(self._stop_listening())
        self._loop.call(self._close_connections)

    def reset(self) -> None:
        """Reset the connections that there are."""
        self._loop.call(self._reset_connections)

    def heal(self) -> None:
        """Work as on a good day. What lost bytes on its way is reset, the rest goes on."""
        self._loop.run(self._heal())

    def close(self) -> None:
        """End it for good."""
        self.cut()

    @property
    def open_connections(self) -> int:
        """Return how many clients are connected."""
        return len(self._connections)

    # --- In the loop -------------------------------------------------------------------------------------------------

    async def until_it_speaks(self) -> None:
        """Wait while it is silent."""
        await self._speaks.wait()

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port, reuse_address=True, backlog=1024)

    async def _stop_listening(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.accepted += 1
        connection = Connection(self, reader, writer)
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)

    def _change(self, weather: Weather) -> None:
        self.weather = weather
        if weather.silent:
            self._speaks.clear()
        else:
            self._speaks.set()

    def _close_connections(self) -> None:
        for connection in list(self._connections):
            connection.close()

    def _reset_connections(self) -> None:
        for connection in list(self._connections):
            connection.reset()

    async def _heal(self) -> None:
        self._change(Weather())
        for connection in list(self._connections):
            if connection.torn:
                connection.reset()
        if self._server is None:
            await self._listen()


class Network:
    """All links of a run; a `with` block ends them."""

    def __init__(self) -> None:
        self.loop, self._ports = Loop(), Ports(anywhere=True)
        self.links: dict[str, Link] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *of: object) -> None:
        self.close()

    def link(self, name: str, host: str, port: int) -> Link:
        """Make a link to a server."""
        self.links[name] = Link(self.loop, name, (host, port), self._ports.take(0))
        return self.links[name]

    def heal(self) -> None:
        """Heal every link."""
        for link in self.links.values():
            link.heal()

    def close(self) -> None:
        """End all links and the loop."""
        for link in self.links.values():
            link.close()
        self.loop.close()
