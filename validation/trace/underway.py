"""A reading that is still in a buffer: the streams are searched, for a bounded number of entries and seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import redis

from ingest.envelope import VERSION, Batch
from ingest.ring import STREAM, connect, identify, without_password
from validation.audit.books import named
from validation.catalog import Catalog
from validation.ledger import done
from validation.moments import moment
from validation.pipeline import judge
from validation.publishing import Published
from validation.streams import GROUP, PAGE, Entry, EntryId, decode_entry
from validation.trace.found import Found, Hop, State

MOST_ENTRIES = 2_000  # of each buffer, the oldest ones: a million messages at most
MOST_SECONDS = 5.0
MOST_FOUND = 20


@dataclass(slots=True)
class Search:
    """What was found in the buffers, and whether all of them were looked through."""

    found: list[Found] = field(default_factory=list)
    examined: int = 0  # entries
    left: int = 0  # entries that were not looked at
    away: list[str] = field(default_factory=list)  # buffers that do not answer


def near(urls: Sequence[str], device: str, at: datetime, within: timedelta, model: str | None) -> Search:
    """Search the streams of all buffers for readings of a device near an event time."""
    search, catalog, deadline = Search(), Published().catalog(), time.monotonic() + MOST_SECONDS
    for url in urls:
        try:
            with connect(url) as client:
                buffer = identify(url)
                length, looked = int(client.xlen(STREAM)), 0
                for entries in _pages(client):
                    looked += len(entries)
                    finished = done(buffer, [entry.id for entry in entries])
                    for entry in entries:
                        if entry.id not in finished:
                            _look(search, catalog, client, buffer, entry, device, at, within, model)
                    if time.monotonic() > deadline or looked >= MOST_ENTRIES:
                        break
                search.examined += looked
                search.left += max(0, length - looked)
        except redis.RedisError:
            search.away.append(without_password(url))
    return search


def _pages(client: redis.Redis) -> Iterator[list[Entry]]:
    start = "-"
    while page := _range(client, start):
        yield [decode_entry(name, fields) for name, fields in page]
        start = f"({page[-1][0].decode()}"


def _range(client: redis.Redis, start: str) -> list[tuple[bytes, dict[bytes, bytes]]]:
    answer: Any = client.xrange(STREAM, start, "+", count=PAGE)
    return list(answer)


def _look(
    search: Search,
    catalog: Catalog,
    client: redis.Redis,
    buffer: str,
    entry: Entry,
    device: str,
    at: datetime,
    within: timedelta,
    model: str | None,
) -> None:
    """Judge those messages of an entry that name the device, and keep what is near."""
    positions = _naming(entry.batch, device.encode())
    if entry.batch is None or not positions or len(search.found) >= MOST_FOUND:
        return
    judgement = judge([_part(entry.batch, positions)], catalog)
    for rows in judgement.rows.values():
        for place, name in enumerate(rows.devices):
            ts = moment(rows.micros[place])
            if name == device and model in (None, rows.model.spec.name) and abs(ts - at) <= within:
                found = Found(
                    State.IN_FLIGHT,
                    rows.model.spec.name,
                    device,
                    ts,
                    getattr(rows.readings[place], "s", None),
                    moment(round(rows.received[place] * 1e6)),
                    (ts - at).total_seconds(),
                    rows.model.version,
                )
                found.hops = _hops(found, client, buffer, entry, positions[rows.positions[place]])
                search.found.append(found)


def _naming(batch: Batch | None, device: bytes) -> list[int]:
    """Return the messages that have the device's name in their topic or payload; no others can be of it."""
    if batch is None:
        return []
    both = zip(batch.topics, batch.payloads, strict=True)
    return [place for place, (topic, payload) in enumerate(both) if device in topic or device in payload]


def _part(batch: Batch, positions: Sequence[int]) -> Batch:
    return Batch(
        VERSION,
        batch.source,
        batch.minute,
        [batch.received[place] for place in positions],
        [batch.topics[place] for place in positions],
        [batch.payloads[place] for place in positions],
    )


def _hops(found: Found, client: redis.Redis, buffer: str, entry: Entry, position: int) -> list[Hop]:
    batch = entry.batch
    source, minute = (batch.source, batch.minute) if batch else ("", entry.id[0] // 60_000)
    details = {"buffer": buffer, "entry": entry.name, "minute": minute, "position": position}
    words = f"appended to a buffer, by its clock; message {position} of its entry, counted under {named(minute)}"
    return [
        Hop("measured", found.ts, "by the clock of the device", {} if found.seq is None else {"sequence": found.seq}),
        Hop("received", found.received_at, f"by {source or 'a bridge'}", {"source": source}),
        Hop("buffered", moment(entry.id[0] * 1000), words, details),
        Hop("waiting", None, _held(client, entry.id), {"would be judged by version": found.version}),
    ]


def _held(client: redis.Redis, entry: EntryId) -> str:
    name = f"{entry[0]}-{entry[1]}"
    try:
        pending: Any = client.xpending_range(STREAM, GROUP, name, name, 1)
    except redis.ResponseError:  # no worker has ever looked at this buffer
        pending = []
    if not pending:
        return "no worker has taken it yet"
    held = pending[0]
    return (
        f"a worker holds it ({held['consumer'].decode()}), for {held['time_since_delivered'] / 1000:,.0f} s; "
        f"it was handed out {held['times_delivered']} times"
    )
