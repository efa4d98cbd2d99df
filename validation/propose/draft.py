"""Make the draft of a model from messages."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from ingest.topics import matches
from validation.paths import parts, text_of
from validation.propose.families import Family, recognise
from validation.propose.fields import Fields, fields_of
from validation.propose.identity import Device, find_device, find_sequence
from validation.propose.proposal import Proposal, samples_of
from validation.propose.times import Time, find
from validation.propose.topics import filter_for, name_for
from validation.propose.traffic import MAX_BYTES, MAX_MESSAGES, Message, Path, Traffic, read
from validation.propose.words import model_name
from validation.spec import ModelSpec

FEW = 5  # readings below which a proposal says that it rests on few


def propose(messages: Iterable[Message], topic_filter: str = "", taken: Collection[str] = ()) -> Proposal:
    """Return a draft for messages, newest first, with the evidence for every field; its name is none of `taken`.

    `topic_filter` is what the model shall be for; without a + in it, the level of the device is found. Looks at 2,000
    messages of 16 KiB each at most, for less than 2 s.
    """
    looked_at = [message for message in messages if not topic_filter or _is_for(topic_filter, message.topic)]
    looked_at = looked_at[:MAX_MESSAGES]
    traffic = read(looked_at)
    family = recognise(traffic)
    pattern, notes = filter_for(traffic, topic_filter, family)
    time, device, sequence = _whereabouts(traffic, family, pattern)
    used = [path for path in (time.path, device.path, sequence) if path is not None]
    fields = fields_of(traffic, family, used, _reserved(time, device, sequence))
    spec = _spec(pattern, family, time, device, sequence, fields, taken)
    said = [*notes, *device.notes, *time.notes, *(family.notes if family else ()), *fields.notes, *_of(traffic)]
    return Proposal(
        spec=spec,
        family=family.name if family else "",
        source=family.source if family else "",
        notes=said,
        fields=fields.evidence,
        samples=samples_of(looked_at),
        messages=traffic.messages,
    )


def _is_for(topic_filter: str, topic: str) -> bool:
    return topic == topic_filter or matches(topic_filter, topic)


def _whereabouts(traffic: Traffic, family: Family | None, pattern: str) -> tuple[Time, Device, Path | None]:
    """Return where time, device and sequence stand."""
    known_time = parts(family.time_path) if family and family.time_path else None
    known_device = parts(family.device_path) if family and family.device_path else None
    known_sequence = parts(family.sequence_path) if family and family.sequence_path else None
    device = find_device(traffic, pattern, family.device_level if family else 0, known_device)
    time = find(traffic, known_time) if family is None or family.has_time else Time(None, "s")
    return time, device, find_sequence(traffic, device, pattern, known_sequence)


def _reserved(time: Time, device: Device, sequence: Path | None) -> set[str]:
    """Return names that no field may have, because the payload has them for something else."""
    paths = [path for path in (time.path, device.path, sequence) if path is not None]
    return {text_of(path) for path in paths} | {"timestamp", "device_id"}


def _spec(
    pattern: str,
    family: Family | None,
    time: Time,
    device: Device,
    sequence: Path | None,
    fields: Fields,
    taken: Collection[str],
) -> ModelSpec:
    return ModelSpec(
        name=model_name((family.model if family else name_for(pattern),), taken),
        topic_filter=pattern,
        fields=tuple(fields.specs),
        device_source="payload" if device.path else "topic",
        device_level=device.level,
        device_key=text_of(device.path) if device.path else "device_id",
        time_source="payload" if time.path else "receipt",
        time_key=text_of(time.path) if time.path else "timestamp",
        time_unit=time.unit,
        sequence_key=text_of(sequence) if sequence else "",
    )


def _of(traffic: Traffic) -> list[str]:
    """Return what is worth knowing about what came."""
    told = []
    if traffic.arrays:
        named = ", ".join(f"`{text_of(path)}`" for path, _ in traffic.arrays.most_common(5))
        told.append(f"Arrays are no fields: {named}.")
    if traffic.plain:
        told.append(
            f"{traffic.plain:,} messages are a single value and no object. A model reads objects; let the device send "
            'one, such as {"power": 12.5}.'
        )
    counts = (
        (traffic.unreadable, "messages are not JSON that can be read"),
        (traffic.large, f"messages are larger than {MAX_BYTES // 1_024} KiB, and were not looked at"),
        (traffic.unlooked, "older messages were not looked at: the newer ones hold values enough"),
        (traffic.odd_keys, "values stand under keys that no path can name, and were left out"),
        (traffic.deep, "objects lie deeper than a path can lead, and were left out"),
        (traffic.further, "values stand at further places, and were left out"),
    )
    told += [f"{count:,} {words}." for count, words in counts if count]
    if 0 < len(traffic.readings) < FEW:
        told.append(f"It rests on {len(traffic.readings)} readings only; look again when more have come.")
    if not traffic.readings:
        told.append("Nothing that came is an object, so there are no fields to propose.")
    return told
