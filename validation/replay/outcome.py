"""What still fails in a replay, by reason, with a sample of each, as `Replay.outcome` holds it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Self

from validation.pipeline import Rejected
from validation.quarantine.keeping import MAX_CODE, MAX_PLACE, readable, readable_topic

MAX_GROUPS = 50  # people look at the largest few; the rest is only counted
MAX_SAMPLE, MAX_TOPIC, MAX_DETAIL = 500, 200, 500  # bytes or characters that are kept of a sample


@dataclass(slots=True)
class Findings:
    """Groups of readings that fail for the same first reason, and how many are in none because there are too many."""

    groups: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    others: int = 0

    @classmethod
    def of(cls, document: dict[str, Any]) -> Self:
        """Return what `document` wrote."""
        found = cls(others=document.get("others", 0))
        for group in document.get("failing", ()):
            found.groups[group["code"], group["place"]] = group
        return found

    def document(self) -> dict[str, Any]:
        """Return them as JSON has them: {"failing": [{code, place, count, detail, topic, sample}, …], "others": 0}."""
        ordered = sorted(self.groups.values(), key=lambda group: -group["count"])
        return {"failing": ordered, "others": self.others}

    def add_rejected(self, item: Rejected) -> None:
        """Count a rejection."""
        reason = item.reasons[0]
        self.add(reason.code, reason.path, reason.detail, readable_topic(item.topic[:MAX_TOPIC]), item.payload)

    def add(self, code: str, place: str, detail: str, topic: str, payload: bytes) -> None:
        """Count a reading that fails; the first one of its group is the sample."""
        key = code[:MAX_CODE], readable(place)[:MAX_PLACE]
        if key in self.groups:
            self.groups[key]["count"] += 1
        elif len(self.groups) < MAX_GROUPS:
            sample = readable(bytes(payload[:MAX_SAMPLE]).decode("utf-8", "backslashreplace"))
            said = {"detail": readable(detail)[:MAX_DETAIL], "topic": topic[:MAX_TOPIC], "sample": sample}
            self.groups[key] = {"code": key[0], "place": key[1], "count": 1, **said}
        else:
            self.others += 1
