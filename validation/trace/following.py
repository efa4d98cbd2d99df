"""Find a reading by device and event time, wherever it is, and follow it through its hops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db.models import Sum

from ingest.models import Device
from validation.models import Expired, Latest, QuarantineLoss
from validation.trace import stored, underway, waiting
from validation.trace.found import Found, State

WITHIN = timedelta(seconds=1)  # how far a reading's event time may be from what was asked
MOST_CANDIDATES = 20


@dataclass(slots=True)
class Trace:
    """The reading that was asked for, with its hops; or several that it may be, or what to do when there is none."""

    device: str
    at: datetime
    reading: Found | None = None
    candidates: list[Found] = field(default_factory=list)  # others near that time, the nearest first
    advice: list[str] = field(default_factory=list)


def trace(urls: Sequence[str], device: str, at: datetime, *, model: str | None = None, seq: int | None = None) -> Trace:
    """Follow the reading of a device whose event time is nearest to a moment, within a second.

    The buffers are searched only when the reading is in no table and not in quarantine. Where several readings are
    equally near, none is followed: they are candidates. Raises selectors.TooSlow.
    """
    result = Trace(device, at)
    row = Device.objects.filter(name=device).first()
    found = stored.near(row, at, WITHIN, model) if row else []
    found += waiting.near(device, at, WITHIN, model)
    search = None
    if not _wanted(found, seq):
        search = underway.near(urls, device, at, WITHIN, model)
        found = search.found
    found = sorted(_wanted(found, seq), key=_distance)[: MOST_CANDIDATES + 1]
    nearest = [item for item in found if _distance(item) == _distance(found[0])]
    if len(nearest) == 1:
        result.reading, result.candidates = nearest[0], found[1:]
        _follow(result.reading, row)
    elif nearest:
        result.candidates = found[:MOST_CANDIDATES]
        result.advice = ["Several readings are equally near that time: say which by model or sequence."]
    else:
        result.advice = _advice(device, row, at, model, search)
    return result


def _wanted(found: list[Found], seq: int | None) -> list[Found]:
    return [item for item in found if seq in (None, item.seq)]


def _distance(found: Found) -> tuple[bool, float]:
    """Return how near a reading is; one that says no time comes after all that do."""
    return found.ts is None, abs(found.off_s)


def _follow(found: Found, device: Device | None) -> None:
    if found.state == State.STORED and device is not None:
        stored.follow(found, device)
    elif found.state == State.QUARANTINED:
        waiting.follow(found)


def _advice(
    name: str, device: Device | None, at: datetime, model: str | None, search: underway.Search | None
) -> list[str]:
    """Say where the reading may be, and what to do."""
    said = [f"No reading of {name} within {WITHIN.total_seconds():g} s of {at:%Y-%m-%d %H:%M:%S} UTC was found."]
    if search is not None:
        said += _of_search(search)
    if device is None:
        said.append(
            f"The device {name!r} is not registered: none of its readings was ever stored. Check the name, and "
            "look in quarantine for its topic."
        )
    else:
        said += _of_device(device, at, model)
    said.append(
        "Else it never got here: it waits in the device's outbox or at the broker, or one of them has dropped it. "
        "`manage.py audit --gaps` shows which sequence numbers of a device are missing."
    )
    return said


def _of_search(search: underway.Search) -> list[str]:
    said = [f"{search.examined:,} entries in the buffers were searched."]
    if search.left:
        said.append(f"{search.left:,} more entries wait in the buffers: try again when workers have caught up.")
    if search.away:
        said.append(f"Buffers that do not answer may hold it: {', '.join(search.away)}. Bring them back.")
    return said


def _of_device(device: Device, at: datetime, model: str | None) -> list[str]:
    said = []
    newest = Latest.objects.filter(device=device).order_by("-ts").first()
    if newest is not None:
        said.append(f"Its newest reading is of {newest.ts:%Y-%m-%d %H:%M:%S} UTC.")
    expired = Expired.objects.filter(level="raw", day=at.date(), **({"model__name": model} if model else {}))
    for row in expired.select_related("model"):
        said.append(f"Retention removed that day of {row.model}: {row.rows:,} rows, on {row.removed_at:%Y-%m-%d}.")
    lost = QuarantineLoss.objects.filter(day=at.date()).aggregate(total=Sum("count"))["total"]
    if lost:
        said.append(f"{lost:,} readings that came that day have left quarantine without being stored.")
    return said
