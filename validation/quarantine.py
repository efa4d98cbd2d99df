"""Keep what did not pass, exactly as it came, with every reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from validation.models import Quarantined
from validation.moments import moment
from validation.pipeline import Rejected
from validation.streams import Entry

MAX_REASONS = 50  # of one record; a payload with a thousand faults is understood from the first fifty
MAX_DEVICE, MAX_CODE, MAX_PLACE = 64, 40, 200  # characters that the columns have room for
AT_ONCE = 500  # rows in one statement; an array of ten thousand faults must not be in memory twice


def keep(buffer: str, entries: Sequence[Entry], rejected: Sequence[Rejected], model_ids: Mapping[str, int]) -> None:
    """Write rejections in the transaction that stores the rest of their entries, some at a time."""
    for start in range(0, len(rejected), AT_ONCE):
        Quarantined.objects.bulk_create(
            _row(buffer, entries[item.entry], item, model_ids) for item in rejected[start : start + AT_ONCE]
        )


def _row(buffer: str, entry: Entry, item: Rejected, model_ids: Mapping[str, int]) -> Quarantined:
    reasons = [_sayable(msgspec.to_builtins(reason)) for reason in item.reasons[:MAX_REASONS]]
    return Quarantined(
        received_at=moment(round(item.received * 1_000_000)),
        topic=readable_topic(item.topic),
        payload=item.payload,
        device=readable(item.device or "")[:MAX_DEVICE],
        model_id=model_ids.get(item.model.spec.name) if item.model else None,
        version=item.model.version if item.model else None,
        reasons=reasons,
        code=reasons[0]["code"][:MAX_CODE],
        place=reasons[0]["path"][:MAX_PLACE],
        minute=entry.batch.minute if entry.batch else entry.id[0] // 60_000,
        buffer=buffer,
        entry=entry.name,
        position=item.position,
    )


def readable_topic(topic: bytes) -> str:
    """Return a topic as text that PostgreSQL takes; bytes that are not UTF-8 become \\xNN."""
    return readable(topic.decode("utf-8", "backslashreplace"))


def readable(text: str) -> str:
    """Return a text without what PostgreSQL refuses: U+0000 and lone surrogates become visible escapes."""
    return text.encode("utf-8", "backslashreplace").decode().replace("\0", "\\x00")


def _sayable(reason: dict[str, str]) -> dict[str, str]:
    """Return a reason that can be stored although it quotes what the device sent."""
    return {key: readable(value) for key, value in reason.items()}
