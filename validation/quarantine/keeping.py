"""Write what did not pass, in the transaction that stores the rest of its entry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import msgspec

from validation import arrays
from validation.binding import server_side
from validation.pipeline import Rejected
from validation.spec import Reason
from validation.streams import Entry

MAX_REASONS = 50  # of one record; a payload with a thousand faults is understood from the first fifty
MAX_DEVICE, MAX_CODE, MAX_PLACE = 64, 40, 200  # characters that the columns have room for
# Rows and bytes of payload in one statement; an array of ten thousand faults must not be in memory twice.
AT_ONCE, BYTES_AT_ONCE = 500, 4 * 1024 * 1024
# What JSON writes for U+0000, which PostgreSQL refuses. After a backslash that is itself escaped it stands for no
# such thing; looking closer than needed costs only time.
NUL = b"\\u0000"


class Finding(NamedTuple):
    """What is noted of a rejection, as the columns have it."""

    model: int | None
    version: int | None
    device: str
    reasons: str  # JSON
    code: str
    place: str

    @classmethod
    def of(cls, item: Rejected, model_ids: Mapping[str, int]) -> Self:
        """Return the finding of a rejection."""
        reasons = item.reasons[:MAX_REASONS]
        written = _json(reasons)
        if written is None:
            reasons = [_sayable(reason) for reason in reasons]
            written = msgspec.json.encode(reasons)
        return cls(
            model=model_ids.get(item.model.spec.name) if item.model else None,
            version=item.model.version if item.model else None,
            device=readable(item.device or "")[:MAX_DEVICE],
            reasons=written.decode(),
            code=reasons[0].code[:MAX_CODE],
            place=reasons[0].path[:MAX_PLACE],
        )


class Origin(NamedTuple):
    """Where a message came in: its buffer and entry, the minute it is counted under, its place in the batch."""

    buffer: str
    entry: str
    minute: int
    position: int


def keep(buffer: str, entries: Sequence[Entry], rejected: Sequence[Rejected], model_ids: Mapping[str, int]) -> None:
    """Write the rejections of some entries, some at a time. Raises what the database raises."""
    origins = [(entry.name, entry.batch.minute if entry.batch else entry.id[0] // 60_000) for entry in entries]
    insert(rejected, [Origin(buffer, *origins[item.entry], item.position) for item in rejected], model_ids)


def insert(rejected: Sequence[Rejected], origins: Sequence[Origin], model_ids: Mapping[str, int]) -> None:
    """Write rejections, each with where it came in, some at a time."""
    start = 0
    while start < len(rejected):
        end, size = start, 0
        while end < len(rejected) and end - start < AT_ONCE and size < BYTES_AT_ONCE:
            size += len(rejected[end].payload)
            end += 1
        _insert(rejected[start:end], origins[start:end], model_ids)
        start = end


def _insert(rejected: Sequence[Rejected], origins: Sequence[Origin], model_ids: Mapping[str, int]) -> None:
    findings = [Finding.of(item, model_ids) for item in rejected]
    micros = [round(item.received * 1_000_000) for item in rejected]
    topics = [readable_topic(item.topic) for item in rejected]
    parameters: list[Any] = [
        arrays.encode(arrays.TIMESTAMPTZ, micros),
        arrays.encode(arrays.TEXT, topics),
        [item.payload for item in rejected],
        *encoded(findings),
        arrays.encode(arrays.TEXT, [origin.buffer for origin in origins]),
        arrays.encode(arrays.TEXT, [origin.entry for origin in origins]),
        arrays.encode(arrays.INT8, [origin.minute for origin in origins]),
        arrays.encode(arrays.INT4, [origin.position for origin in origins]),
    ]
    with server_side() as cursor:
        cursor.execute(
            "INSERT INTO validation_quarantined (received_at, topic, payload, model_id, version, device, reasons, "
            "code, place, buffer, entry, minute, position) "
            "SELECT received_at, topic, payload, model_id, version, device, reasons::jsonb, code, place, buffer, "
            "entry, minute, position FROM unnest(%s, %s, %b::bytea[], %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) "
            "AS r (received_at, topic, payload, model_id, version, device, reasons, code, place, buffer, entry, "
            "minute, position)",
            parameters,
        )


def encoded(findings: Sequence[Finding]) -> list[arrays.Array]:
    """Return findings as columns: model, version, device, reasons, code, place."""
    return [
        arrays.encode(arrays.INT8, [finding.model for finding in findings]),
        arrays.encode(arrays.INT4, [finding.version for finding in findings]),
        arrays.encode(arrays.TEXT, [finding.device for finding in findings]),
        arrays.encode(arrays.TEXT, [finding.reasons for finding in findings]),
        arrays.encode(arrays.TEXT, [finding.code for finding in findings]),
        arrays.encode(arrays.TEXT, [finding.place for finding in findings]),
    ]


def readable_topic(topic: bytes) -> str:
    """Return a topic as text that PostgreSQL takes; bytes that are not UTF-8 become \\xNN."""
    return readable(topic.decode("utf-8", "backslashreplace"))


def readable(text: str) -> str:
    """Return a text without what PostgreSQL refuses: U+0000 and lone surrogates become visible escapes."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _json(reasons: Sequence[Reason]) -> bytes | None:
    """Return reasons as JSON, None when PostgreSQL would refuse what they quote."""
    try:
        written = msgspec.json.encode(reasons)
    except UnicodeEncodeError:
        return None
    return None if NUL in written else written


def _sayable(reason: Reason) -> Reason:
    """Return a reason that can be stored although it quotes what the device sent."""
    return Reason(readable(reason.code), readable(reason.path), readable(reason.detail))
