"""See what a draft would do before it is published: to one payload, and to what came lately. Changes nothing."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
import redis

from ingest.envelope import Batch
from ingest.models import Device
from ingest.topics import matches
from validation import recent
from validation.catalog import Catalog
from validation.columns import columns_of
from validation.models import DataModel, Quarantined
from validation.moments import moment
from validation.newest import stored_values
from validation.pipeline import Judgement, Rejected, Rows, judge
from validation.publishing import newest, spec_of
from validation.quarantine import readable, readable_topic
from validation.schema import CompiledModel, compile_model
from validation.spec import ModelSpec, Reason

MOST = 1_000  # messages that one comparison looks at
SHOWN = 1_000  # characters of a sample
GROUPS = 50  # reasons that are told apart


@dataclass(frozen=True, slots=True)
class Tried:
    """What a draft makes of one reading: the row it would become, or every reason why it would not."""

    accepted: bool
    device: str | None
    ts: datetime | None
    row: dict[str, Any]
    reasons: list[Reason]


@dataclass(slots=True)
class ReasonGroup:
    """Messages that fail for the same reason at the same place; `topic` and `sample` are of the newest of them."""

    code: str
    place: str
    count: int
    detail: str
    topic: str
    sample: str


@dataclass(slots=True)
class Comparison:
    """What would change: messages by what the version in use and the draft say of them."""

    examined: int = 0
    passing: int = 0
    failing: int = 0
    newly_passing: int = 0
    newly_failing: list[ReasonGroup] = field(default_factory=list)
    still_failing: list[ReasonGroup] = field(default_factory=list)


def try_payload(spec: ModelSpec, topic: str, payload: bytes, received: float | None = None) -> list[Tried]:
    """Judge one message by a draft, as if it came now; one result for each reading of an array.

    Raises ValueError, with sentences for people, when the draft itself cannot judge anything.
    """
    model = compile_model(spec, version=0)
    judgement = _judge(model, topic, payload, time.time() if received is None else received)
    accepted = [tried for rows in judgement.rows.values() for tried in _accepted(rows)]
    return accepted + [Tried(False, item.device, None, {}, item.reasons) for item in judgement.rejected]


def _accepted(rows: Rows) -> list[Tried]:
    spec = rows.model.spec
    columns = columns_of(rows, dict.fromkeys(rows.devices, 0))
    known = None
    if not spec.register_devices:
        known = set(Device.objects.filter(name__in=set(rows.devices)).values_list("name", flat=True))
    tried = []
    for place, source in enumerate(columns.order.tolist()):
        device = rows.devices[source]
        reasons = []
        if known is not None and device not in known:
            detail = f"The device {device!r} is not registered, and this model registers none by itself."
            reasons.append(Reason("unknown_device", "", detail))
        row = {"seq": int(columns.seqs[place]), **stored_values(columns, place)}
        kept = columns.extra[place] if columns.extra is not None else None
        if kept is not None:
            row["extra"] = msgspec.json.decode(kept)
        tried.append(Tried(not reasons, device, moment(int(columns.micros[place])), row, reasons))
    return tried


def compare(model: DataModel, spec: ModelSpec, count: int = MOST) -> Comparison:
    """Judge the newest messages for a draft by the version in use and by the draft, and count what differs.

    The messages are those kept lately and those in quarantine. A message with one reading that fails, fails. Blocks for
    PostgreSQL and Redis. Raises ValueError when the draft cannot judge anything.
    """
    draft, current = compile_model(spec, version=0), newest(model)
    used = spec_of(current) if model.published else None
    in_use = compile_model(used, version=0) if used is not None else None
    result = Comparison()
    newly: dict[tuple[str, str], ReasonGroup] = {}
    still: dict[tuple[str, str], ReasonGroup] = {}
    for message in _messages(model, spec, min(count, MOST)):
        result.examined += 1
        fault = _fault(draft, message)
        passed_before = in_use is not None and _fault(in_use, message) is None
        if fault is None:
            result.passing += 1
            result.newly_passing += not passed_before
        else:
            result.failing += 1
            _group(newly if passed_before else still, fault, message)
    result.newly_failing = sorted(newly.values(), key=lambda group: -group.count)
    result.still_failing = sorted(still.values(), key=lambda group: -group.count)
    return result


def _messages(model: DataModel, spec: ModelSpec, count: int) -> list[recent.Recent]:
    """Return the newest messages that the draft is for, each once."""
    try:
        kept = [message for message in recent.messages(model.name, count) if message.accepted]
    except redis.RedisError:
        kept = []  # what is in quarantine can still be looked at
    waiting = Quarantined.objects.filter(model=model) | Quarantined.objects.filter(code="unknown_topic")
    refused = [
        recent.Recent(record.topic, bytes(record.payload), record.received_at.timestamp(), False)
        for record in waiting.order_by("-id")[:count]
        if record.model_id == model.pk or matches(spec.topic_filter, record.topic)
    ]
    return sorted([*kept, *refused], key=lambda message: message.received, reverse=True)[:count]


def _fault(model: CompiledModel, message: recent.Recent) -> Rejected | None:
    rejected = _judge(model, message.topic, message.payload, message.received).rejected
    return rejected[0] if rejected else None


def _group(groups: dict[tuple[str, str], ReasonGroup], fault: Rejected, message: recent.Recent) -> None:
    reason = fault.reasons[0]
    known = groups.get((reason.code, reason.path))
    if known is not None:
        known.count += 1
    elif len(groups) < GROUPS:
        sample = readable(fault.payload.decode("utf-8", "backslashreplace"))[:SHOWN]
        topic = readable_topic(message.topic.encode("utf-8", "backslashreplace"))
        groups[reason.code, reason.path] = ReasonGroup(reason.code, reason.path, 1, reason.detail, topic, sample)


def _judge(model: CompiledModel, topic: str, payload: bytes, received: float) -> Judgement:
    batch = Batch(1, "trial", int(received // 60), [received], [topic.encode("utf-8", "surrogatepass")], [payload])
    return judge([batch], Catalog([model]))
