"""A reading that is in a table: its row, and the hops that the ledger, trails and notes know."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from ingest.models import Device
from validation import notes, trails
from validation.audit.books import named
from validation.models import DataModel, ReadingNote
from validation.moments import EPOCH, MICROSECOND
from validation.notes import Noted
from validation.selectors import Entry, model_specs
from validation.trace.found import Found, Hop, State
from validation.trace.rows import rows_near

MOST = 20  # readings of one model that lie near a moment


def near(device: Device, at: datetime, within: timedelta, model: str | None) -> list[Found]:
    """Return the stored readings of a device near an event time, without their hops."""
    found = []
    for name, spec in model_specs().items():
        if model in (None, name):
            found += [_found(row, at) for row in rows_near(spec, device.name, at, within, MOST)]
    return found


def _found(row: Entry, at: datetime) -> Found:
    off = (row.ts - at).total_seconds()
    return Found(
        State.STORED, row.model, row.device, row.ts, row.seq, row.received_at, off, row.version, values=row.values
    )


def follow(found: Found, device: Device) -> None:
    """Add the hops of a stored reading, and how often it came again."""
    if found.ts is None or found.seq is None:
        return
    model = DataModel.objects.filter(name=found.model).values_list("pk", flat=True).first() or 0
    later = notes.find(model, device.pk, (found.ts - EPOCH) // MICROSECOND, found.seq)
    replays = [note for note in later if note.kind == ReadingNote.Kind.REPLAY]
    repeats = [note for note in later if note.kind == ReadingNote.Kind.REPEAT]
    found.repeats = len(repeats)
    found.hops = arrival(found.received_at, "stored" if not replays else "quarantined")
    found.hops.insert(0, measured(found))
    if replays:
        found.hops += [_replayed(note, found.version) for note in replays]
    else:
        found.hops.append(_judged(found))
    found.hops += [_repeat(note) for note in repeats]


def measured(found: Found) -> Hop:
    """Return where a reading begins: at the device, by the device's clock."""
    details = {} if found.seq is None else {"sequence": found.seq}
    return Hop("measured", found.ts, "by the clock of the device", details)


def arrival(received: datetime, came_to: str) -> list[Hop]:
    """Return the hops from a bridge to the verdict on its entry, by the moment of receipt alone."""
    micros = (received - EPOCH) // MICROSECOND
    hops = [Hop("received", received, "by a bridge, or over HTTP")]
    found = trails.find(micros)
    if not found:
        minute = micros // 60_000_000
        kept = trails.keeps(micros, time.time())
        why = (
            "no entry that is known holds something received at that moment"
            if kept
            else f"which entry brought it is kept for {trails.KEEP_DAYS} days"
        )
        hops.append(Hop("buffered", None, f"{why}; it is counted under {named(minute)} or the minute after"))
        return hops
    if len(found) == 1:
        hops[0].details["source"] = found[0].source
        hops[0].words = "over HTTP" if found[0].source == "http" else f"by the bridge {found[0].source or '(unknown)'}"
    for trail in found:
        words = "appended to a buffer, by its clock"
        if len(found) > 1:
            words += f"; one of {len(found)} entries with something received in the same microsecond"
        details = {"buffer": trail.buffer, "entry": trail.entry, "minute": trail.minute, "source": trail.source}
        hops.append(Hop("buffered", EPOCH + timedelta(milliseconds=trail.id[0]), words, details))
        details = {"verdict": came_to, "entry": trail.entry}
        hops.append(Hop("judged", trail.judged_at, f"the outcome of the entry was written: {came_to}", details))
    return hops


def _judged(found: Found) -> Hop:
    """Return the end: a row. Its time is that of the verdict, because both are one transaction."""
    last = found.hops[-1]
    at = last.at if last.name == "judged" and sum(hop.name == "judged" for hop in found.hops) == 1 else None
    if last.name == "judged" and at is not None:
        found.hops.pop()
    words = f"judged by version {found.version} and stored, in one transaction"
    return Hop("stored", at, words, {"version": found.version})


def _replayed(note: Noted, version: int | None) -> Hop:
    words = f"judged again by version {version} in replay {note.replay}, and stored"
    return Hop("replayed", note.at, words, {"replay": note.replay, "version": version})


def _repeat(note: Noted) -> Hop:
    words = f"came again (received {note.received.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f} UTC) and was not stored twice"
    brought = [f"{trail.buffer} {trail.entry}" for trail in trails.find((note.received - EPOCH) // MICROSECOND)]
    return Hop("repeated", note.at, words, {"received_at": note.received, "entries": brought})
