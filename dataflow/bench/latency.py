"""How long is a reading on its way: from its publish to its committed row, and to a frame at a live socket?

A probe, a device of its own, publishes some 20 readings a second at irregular moments, while a load of other devices
runs beside it. Its event times are the moments of its publishes, so whoever sees one knows how old it is. Rows are
looked for every two milliseconds: a row is seen one look after its commit at the latest, and the report says how far
apart the looks were. Frames are taken by two sockets, one with the usual frames and one with the quickest there are.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
from django.conf import settings

from dataflow.bench.figures import spread_ms
from dataflow.bench.load import connect, publish_packet
from dataflow.bench.throughput import BenchFailed, Options, RunningLoad, new_prefix, settled_audit, wait_for_rows
from dataflow.bench.visitor import live_url, token
from dataflow.bench.websocket import WebSocket

RATE = 5_000.0  # readings a second beside the probe, unless somebody says otherwise
PAUSE_S = 0.025, 0.075  # between two readings of the probe, at least and at most
LOOK_S = 0.002  # between two looks for its rows
WARM_UP_S, LINGER_S = 2.0, 3.0  # of the load before it is measured, and for what is still on its way afterwards
FIRST_S = 30.0  # for the probe's first reading to be stored
FRAMES_MS = {"usual": 1000, "quick": 100}  # between two frames, as a subscription asks for them
ROWS = "SELECT seq FROM telemetry.vehicle WHERE device_id = %s AND ts >= %s AND seq > %s"
DEVICE = "SELECT id, now() - interval '1 hour' FROM ingest_device WHERE name = %s"


def measure(options: Options, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure for `options.seconds` beside a load of `options.rate`; return the figures. Blocks until all is stored."""
    rate = options.rate or RATE
    count = round(rate * (options.seconds + WARM_UP_S + LINGER_S))
    prefix = new_prefix()
    say(f"publishing {rate:,.0f} readings a second, and a probe, for {options.seconds:.0f} s")
    load = RunningLoad(replace(options, rate=rate, count=count), f"{prefix}load_")
    probe = Probe(f"{prefix}probe")
    try:
        with token() as secret:
            asyncio.run(probe.run(options.seconds, secret))
    finally:
        load.wait()
    wait_for_rows(load.prefix, load.answer["acked"])
    books = settled_audit()
    return {
        "benchmark": "latency",
        "rate": rate,
        "published_per_second": round(load.answer["acked"] / load.answer["seconds"]),
        "seconds": options.seconds,
        **probe.report(),
        "ledger": asdict(books.total) | {"balanced": books.balanced},
    }


class Probe:
    """The device, and all who look for its readings. `sent` and what they saw: moments by sequence, in seconds."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.sent: dict[int, float] = {}
        self.stored: dict[int, float] = {}
        self.shown: dict[str, dict[int, float]] = {name: {} for name in FRAMES_MS}
        self._looks: list[float] = []
        self._by_time: dict[float, int] = {}
        parts = urlsplit(settings.MQTT311_URL)
        user, password = (unquote(part) if part else None for part in (parts.username, parts.password))
        self._sock: socket.socket = connect(parts.hostname or "127.0.0.1", parts.port or 1883, user, password)
        self._seq = 0

    async def run(self, seconds: float, secret: str) -> None:
        """Publish for some seconds and watch; raise BenchFailed when the first reading is not stored."""
        with self._sock:
            async with await psycopg.AsyncConnection.connect(settings.DATABASE_URL, autocommit=True) as database:
                first = await self._first_row(database)
                watchers = [asyncio.create_task(self._look(database, *first))]
                watchers += [asyncio.create_task(self._watch(name, secret)) for name in FRAMES_MS]
                await asyncio.sleep(WARM_UP_S)
                until = time.monotonic() + seconds
                while time.monotonic() < until and not any(watcher.done() for watcher in watchers):
                    self._publish()
                    await asyncio.sleep(random.uniform(*PAUSE_S))  # noqa: S311  (no secret)
                await asyncio.sleep(LINGER_S)
                for watcher in watchers:
                    watcher.cancel()
                for outcome in await asyncio.gather(*watchers, return_exceptions=True):
                    if isinstance(outcome, Exception):
                        raise outcome

    def report(self) -> dict[str, Any]:
        """Return how late the readings were and how exact that is; without the first, which made the device known."""
        frames = {
            f"frame_{FRAMES_MS[name]}": self._spread(seen) | {"asked_for_ms": FRAMES_MS[name]}
            for name, seen in self.shown.items()
        }
        gaps = [later - earlier for earlier, later in zip(self._looks, self._looks[1:], strict=False)]
        return {"probe_readings": len(self.sent), "row": self._spread(self.stored), **frames, "looks": spread_ms(gaps)}

    def _spread(self, seen: dict[int, float]) -> dict[str, Any]:
        return spread_ms([at - self.sent[seq] for seq, at in seen.items() if seq in self.sent])

    def _publish(self) -> float:
        """Publish a reading of now, and take note of it unless it is the first."""
        self._seq += 1
        at = round(time.time(), 6)
        payload = json.dumps({"timestamp": at, "seq": self._seq, "speed": self._seq % 200})
        if self._seq > 1:
            self.sent[self._seq], self._by_time[at] = at, self._seq
        with suppress(BlockingIOError):
            self._sock.recv(65_536)  # acknowledgements, which nobody counts here
        topic = f"vehicles/{self.device}/telemetry".encode()
        self._sock.sendall(publish_packet(topic, payload.encode(), self._seq % 65_535 + 1))
        return at

    async def _first_row(self, database: psycopg.AsyncConnection[Any]) -> tuple[int, Any]:
        """Publish until the device is known; return its key, and a time before all its readings."""
        self._publish()
        deadline = time.monotonic() + FIRST_S
        while time.monotonic() < deadline:
            found = await (await database.execute(DEVICE, [self.device])).fetchone()
            if found is not None:
                return int(found[0]), found[1]
            await asyncio.sleep(LOOK_S)
        raise BenchFailed("the probe's first reading is not stored; see `manage.py audit`")

    async def _look(self, database: psycopg.AsyncConnection[Any], device: int, since: Any) -> None:
        below = 1  # and at this sequence all are stored: two workers may store what follows in any order
        while True:
            rows = await (await database.execute(ROWS, [device, since, below], prepare=True)).fetchall()
            now = time.time()
            self._looks.append(now)
            for (seq,) in rows:
                self.stored.setdefault(seq, now)
            while below + 1 in self.stored:
                below += 1
            await asyncio.sleep(LOOK_S)

    async def _watch(self, name: str, secret: str) -> None:
        live = await WebSocket.open(live_url(), secret)
        wanted = {"type": "subscribe", "model": "vehicle", "devices": [self.device], "fields": ["speed"]}
        live.send(json.dumps(wanted | {"interval_ms": FRAMES_MS[name]}))
        seen = self.shown[name]
        while True:
            frame = json.loads(await live.receive())
            now = time.time()
            if frame["type"] == "error":
                raise BenchFailed(f"the live socket says: {frame['detail']}")
            for entry in frame["devices"]:
                for ts, _ in entry.get("points", {}).get("speed", ()):
                    if (seq := self._by_time.get(round(ts, 6))) is not None:
                        seen.setdefault(seq, now)
