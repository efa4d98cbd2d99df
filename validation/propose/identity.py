"""Find which device a reading is of, and which number counts its readings."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

from ingest.names import DEVICE_NAME
from ingest.topics import wildcard_values
from validation.propose.traffic import Path, Place, Traffic
from validation.propose.words import words_of

IS_DEVICE = re.compile(DEVICE_NAME, re.ASCII)
# Keys that name a device, the clearest first.
DEVICE_KEYS = (
    "device id", "deviceid", "device", "device name", "devicename", "dev eui", "deveui", "dev id", "sensor id",
    "sensor", "vehicle id", "vehicle", "vin", "meter id", "meter", "machine id", "station id", "station", "tracker id",
    "node id", "node", "imei", "serial", "serial number", "client id", "clientid", "mac", "mac address", "uid", "uuid",
    "id", "src", "name", "hostname",
)  # fmt: skip
CLEAR = 22  # of them name nothing else
SEQUENCE_KEYS = (
    "seq", "sequence", "seq no", "seqno", "sequence number", "f cnt", "fcnt", "frame counter", "msg id", "message id",
    "packet id", "packet", "counter", "n", "nr", "count", "msg count", "index",
)  # fmt: skip
SURE_SEQUENCE = 9  # of them count readings and nothing else
MIN_STEPS, SHARE = 3, 0.8  # steps of one device that must be seen, and the part of them that must be by one
# Levels of a topic that say what a message is, not whose.
STOCK_TEXT = """
    telemetry data status state sensor sensors up down event events tele stat cmnd json attributes attr values value
    measurement measurements info raw message messages msg mqtt iot device devices out output me rpc energy location
    position application gateway gateways home house office site building room floor health metrics report reports
    reading readings climate environment diagnostics log heartbeat measure live
"""
STOCK = frozenset(STOCK_TEXT.split())
# What looks like a name that a machine was given: digits or hexadecimal ones in it.
LIKE_A_NAME = re.compile(r".*[0-9]|[0-9a-fA-F]{6,}|([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}", re.ASCII)

VERSION = re.compile(r"v?[0-9]", re.ASCII)  # of an interface, where a topic begins


@dataclass(frozen=True, slots=True)
class Device:
    """Where the device's name stands: a wildcard of the topic filter, from 1, or a path in the payload."""

    level: int
    path: Path | None
    notes: tuple[str, ...] = ()


def guess_level(levels: Sequence[str], texts: Iterable[str]) -> tuple[int, str]:
    """Return which level of the only topic that was seen names the device, and why one may think so."""
    told = set(texts)
    for place in range(len(levels) - 1, -1, -1):
        if levels[place] and levels[place] in told:
            return place, "the payload names it, too"
    open_levels = [
        place
        for place, level in enumerate(levels)
        if level and level.lower() not in STOCK and not (place == 0 and VERSION.fullmatch(level))
    ]
    for place in reversed(open_levels):
        if LIKE_A_NAME.fullmatch(levels[place]):
            return place, "it looks like the name of a device"
    later = [place for place in open_levels if place > 0]
    return (later or open_levels or [len(levels) - 1])[-1], "it is the last level that is no word for a kind of message"


def find_device(traffic: Traffic, topic_filter: str, level: int = 0, path: Path | None = None) -> Device:
    """Return where the device's name stands; `level` or `path` is where the documentation of the family says."""
    values = [found for topic in traffic.topics if (found := wildcard_values(topic_filter, topic)) is not None]
    places = _named_places(traffic)
    if path is not None and path in {place.path for place in places}:
        return Device(1, path)
    in_payload = _by_payload(traffic, places, values)
    if in_payload is not None:
        return in_payload
    if "+" not in topic_filter.split("/"):
        return Device(1, None, ("The topic filter has no +, so nothing names the device: put one where it stands.",))
    return _by_topic(topic_filter, values, level)


def _named_places(traffic: Traffic) -> list[Place]:
    """Return the places that hold the name of a device in every reading, the clearest first."""
    named = []
    for place in traffic.places.values():
        name = " ".join(words_of(place.key))
        fits = place.is_text() and all(IS_DEVICE.fullmatch(text) for text in place.texts)
        if name in DEVICE_KEYS and fits and place.seen == len(traffic.readings):
            named.append((len(place.path), DEVICE_KEYS.index(name), place))
    return [place for _, _, place in sorted(named, key=lambda item: item[:2])]


def _by_payload(traffic: Traffic, places: Sequence[Place], values: Sequence[Sequence[str]]) -> Device | None:
    """Return the place of the payload that tells more devices apart than the topic, or all there is."""
    for place in places:
        rank = DEVICE_KEYS.index(" ".join(words_of(place.key)))
        topics = len(values)
        if len(place.texts) > max(1, topics) or (topics == 1 and not values[0]):
            if rank < CLEAR or len(place.texts) > 1:
                return Device(1, place.path, (f"`{'.'.join(place.path)}` tells more devices apart than the topic.",))
        elif topics == 1 and rank < CLEAR and len(place.path) == 1 and not set(place.texts) & set(values[0]):
            return Device(1, place.path, (f"`{place.key}` names the device; the topic holds another name.",))
    return None


def _by_topic(topic_filter: str, values: Sequence[Sequence[str]], level: int) -> Device:
    """Return the wildcard that tells most topics apart; of equal ones the one that is expected, or the last."""
    count = topic_filter.split("/").count("+")
    different = [len({row[place] for row in values}) for place in range(count)]
    most = max(different, default=0)
    best = [place + 1 for place in range(count) if different[place] == most]
    chosen = level if level in best else best[-1] if best else 1
    notes = []
    if values and most < len(set(values)):
        notes.append(
            f"No single level of the topic tells the devices apart: {len(set(values))} topics have only {most} names "
            f"at + number {chosen}. Devices with the same name there become one."
        )
    odd = sorted({row[chosen - 1] for row in values if not IS_DEVICE.fullmatch(row[chosen - 1])})
    if odd:
        notes.append(
            f"{odd[0][:60]!r} cannot name a device (letters, digits and _ . : - only, 64 at most); its readings would "
            "wait in quarantine."
        )
    return Device(chosen, None, tuple(notes))


def find_sequence(traffic: Traffic, device: Device, topic_filter: str, known: Path | None = None) -> Path | None:
    """Return the place of a whole number that grows by one from reading to reading of a device, None without one."""
    candidates = []
    for place in traffic.places.values():
        name = " ".join(words_of(place.key))
        counts = place.is_whole() and place.low is not None and place.low >= 0
        if counts and traffic.holds_values(place.path):
            if place.path == known:
                return known
            if name in SEQUENCE_KEYS:
                candidates.append((SEQUENCE_KEYS.index(name), len(place.path), place))
    for rank, _, place in sorted(candidates, key=lambda item: item[:2]):
        steps = _steps(traffic, place.path, device, topic_filter)
        by_one = sum(step == 1 for step in steps)
        if len(steps) >= MIN_STEPS:
            if by_one >= SHARE * len(steps):
                return place.path
        elif rank < SURE_SEQUENCE and all(step >= 0 for step in steps):
            return place.path
    return None


def _steps(traffic: Traffic, path: Path, device: Device, topic_filter: str) -> list[int]:
    """Return by how much a number grew from each reading of a device to its next one."""
    last: dict[Hashable, int] = {}
    names: dict[str, str] = {}
    steps: list[int] = []
    for reading in traffic.readings:
        value = reading.values.get(path)
        if not isinstance(value, int) or isinstance(value, bool):
            continue
        if reading.topic not in names:
            found = wildcard_values(topic_filter, reading.topic) or ("",)
            names[reading.topic] = found[min(device.level, len(found)) - 1]
        who: Hashable = reading.values.get(device.path) if device.path else names[reading.topic]
        if who in last:
            steps.append(value - last[who])
        last[who] = value
    return steps
