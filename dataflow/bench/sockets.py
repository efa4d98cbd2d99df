"""Many live sockets from one process: how late do their frames come?

    python -m dataflow.bench.sockets --url ws://127.0.0.1:8000/ws/live --sockets 1000 --seconds 20 < token

Prints one line of JSON once all are subscribed, and one with the figures at the end. A frame is late by the time since
the server made it, or by the time beyond a second since the one before, whichever is more. With --never-read the
sockets subscribe to all devices and take nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import resource
import sys
import time

from dataflow.bench.figures import spread_ms
from dataflow.bench.websocket import Closed, WebSocket

PROMISED_S = 1.0  # between two frames at most
AT_ONCE = 10  # sockets that are opened side by side
TRIES = 5  # to open one, before the last one
SPARE = 100  # descriptors of a process besides its sockets
LITTLE = 4_096  # bytes that a socket takes which never reads
# How a frame begins, with when it was made. The rest is not read: a page does that on a machine of its own.
FRAME = re.compile(rb'\{"type":"latest_data","seq":\d+,"at":([\d.]+)')


class Many:
    """All sockets of this process, and how late their frames came while it counted."""

    def __init__(self, url: str, token: str, message: str, *, reads: bool) -> None:
        self._url, self._token, self._message, self._reads = url, token, message, reads
        self._sockets: list[WebSocket] = []
        self._readers: list[asyncio.Task[None]] = []
        self.late: list[float] = []
        self.frames = self.closed = self.refused = 0
        self.counts = False

    async def open(self, count: int) -> None:
        """Open and subscribe sockets, some at a time; raise ConnectionError or TimeoutError when one is refused."""
        for begin in range(0, count, AT_ONCE):
            await asyncio.gather(*(self._one() for _ in range(min(AT_ONCE, count - begin))))

    async def _one(self) -> None:
        live = await self._opened()
        live.send(self._message)
        self._sockets.append(live)
        if self._reads:
            await live.receive()  # the snapshot
            self._readers.append(asyncio.create_task(self._read(live)))

    async def _opened(self) -> WebSocket:
        """Open a socket; a server that is busy may let the first tries run out, as it does to a browser."""
        for _ in range(TRIES):
            try:
                return await WebSocket.open(self._url, self._token, 0 if self._reads else LITTLE)
            except (OSError, EOFError):
                self.refused += 1
                await asyncio.sleep(PROMISED_S)
        return await WebSocket.open(self._url, self._token, 0 if self._reads else LITTLE)

    async def follow(self, seconds: float) -> None:
        """Count what comes for some seconds, on all sockets."""
        await asyncio.sleep(2 * PROMISED_S)  # until each has a frame that the next one is measured by
        self.counts = True
        await asyncio.sleep(seconds)
        self.counts = False
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)

    async def _read(self, live: WebSocket) -> None:
        before = time.time()
        try:
            while True:
                made = FRAME.match(await live.receive())
                now = time.time()
                if self.counts and made:
                    self.frames += 1
                    self.late.append(max(now - float(made[1]), now - before - PROMISED_S))
                before = now
        except Closed:
            self.closed += 1


def allow_descriptors(wanted: int) -> None:
    """Let this process open that many files; raise OSError when the system's hard limit is below."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= wanted:
        return
    if hard < wanted:
        raise OSError(f"{wanted:,} open files are needed, and this system allows {hard:,} (ulimit -Hn)")
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def run(options: argparse.Namespace, token: str) -> None:
    """Open, follow or hold still, and print what there is to say."""
    devices = options.devices.split(",") if options.devices else "*"
    wanted = {"type": "subscribe", "model": options.model, "devices": devices, "fields": "*"}
    many = Many(options.url, token, json.dumps(wanted), reads=not options.never_read)
    began = time.time()
    await many.open(options.sockets)
    opening = {"open": options.sockets, "opening_s": round(time.time() - began, 2), "tried_again": many.refused}
    print(json.dumps(opening), flush=True)
    if options.never_read:
        await asyncio.sleep(options.seconds)
    else:
        await many.follow(options.seconds)
    figures = {"frames": many.frames, "closed": many.closed, "late": spread_ms(many.late)}
    print(json.dumps(figures | {"frames_per_socket_s": round(many.frames / options.sockets / options.seconds, 3)}))


def main() -> int:
    """Run what the command line names; the token is the first line of standard input."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--url", required=True)
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--model", default="vehicle")
    parser.add_argument("--devices", default="", help="names with commas between them; none for all")
    parser.add_argument("--never-read", action="store_true")
    options = parser.parse_args()
    token = sys.stdin.readline().strip()
    try:
        allow_descriptors(options.sockets + SPARE)
        asyncio.run(run(options, token))
    except (OSError, TimeoutError) as error:
        print(f"the sockets cannot be opened: {error or 'the server is silent'}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
