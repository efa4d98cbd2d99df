"""What commands print of models and proposals for people to read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from validation.proposals import Waiting
from validation.propose import Evidence, Proposal


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return rows under a head, in columns as wide as they need to be."""
    lines = [list(head), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def waiting(found: Iterable[Waiting]) -> str:
    """Return what waits for a model, by topics that belong together."""
    rows = [
        (item.topic_filter, f"{item.messages:,}", f"{len(item.topics):,}", f"{item.last:%Y-%m-%d %H:%M:%S}")
        for item in found
    ]
    return table(("TOPICS", "MESSAGES", "DIFFERENT", "LAST (UTC)"), rows)


def proposal(found: Proposal) -> str:
    """Return a proposal: where device and time come from, the fields with their evidence, and what to know."""
    spec = found.spec
    device = f"wildcard {spec.device_level} of the topic" if spec.device_source == "topic" else spec.device_key
    time = f"{spec.time_key} ({spec.time_unit})" if spec.time_source == "payload" else "the moment of receipt"
    head = [
        ("model", spec.name),
        ("family", found.family or "none that is known"),
        ("topics", spec.topic_filter),
        ("device", device),
        ("time", time),
        ("sequence", spec.sequence_key or "none"),
        ("messages", f"{found.messages:,}"),
    ]
    required = {field.name for field in spec.fields if field.required}
    rows = [_field(evidence, evidence.name in required) for evidence in found.fields]
    parts = ["\n".join(f"{name:<10}{text}" for name, text in head)]
    parts.append(table(("FIELD", "KIND", "UNIT", "REQUIRED", "SURE", "SEEN", "VALUES", "PATH"), rows))
    return "\n\n".join([*parts, "\n".join(f"- {note}" for note in found.notes)]).rstrip()


def _field(evidence: Evidence, required: bool) -> tuple[str, ...]:
    values = ", ".join(evidence.examples)[:40]
    if evidence.low is not None and evidence.high is not None:
        values = f"{evidence.low:g} … {evidence.high:g}"
    return (
        evidence.name,
        evidence.kind,
        evidence.unit,
        "yes" if required else "no",
        f"{evidence.sure:.1%}",
        f"{evidence.seen:,}/{evidence.of:,}",
        values,
        evidence.path,
    )
