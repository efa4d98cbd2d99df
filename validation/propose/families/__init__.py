"""The families of devices that are recognised, one module each; the first that fits counts."""

from __future__ import annotations

from ingest.topics import matches
from validation.propose.families.chirpstack import CHIRPSTACK
from validation.propose.families.family import Family, Hint
from validation.propose.families.generic import ENERGY_METER, VEHICLE, WEATHER
from validation.propose.families.owntracks import OWNTRACKS
from validation.propose.families.shelly import NOTIFICATION, STATUS
from validation.propose.families.tasmota import SENSOR, STATE
from validation.propose.families.zigbee2mqtt import ZIGBEE2MQTT
from validation.propose.traffic import Traffic
from validation.propose.words import words_of

__all__ = ["FAMILIES", "Family", "Hint", "recognise", "topic_filter_of"]

FAMILIES = (
    SENSOR, STATE, STATUS, NOTIFICATION, CHIRPSTACK, OWNTRACKS, ZIGBEE2MQTT, WEATHER, ENERGY_METER, VEHICLE,
)  # fmt: skip
MOST = 0.5  # of the readings; a mixture of two families is none


def recognise(traffic: Traffic) -> Family | None:
    """Return the family that some readings are of, None when they are of none."""
    if not traffic.readings:
        return None
    words = {word for place in traffic.places.values() for key in place.path for word in words_of(key)}
    return next((family for family in FAMILIES if _fits(family, traffic, words)), None)


def _fits(family: Family, traffic: Traffic, words: set[str]) -> bool:
    if family.needs_topic and not all(topic_filter_of(family, topic) for topic in traffic.topics):
        return False
    if any(traffic.share(tuple(sign.split("."))) < MOST for sign in family.signs):
        return False
    return len(words & set(family.words)) >= family.enough


def topic_filter_of(family: Family, topic: str) -> str | None:
    """Return the filter of a family that a topic is for, with the topic's own levels where they are no devices."""
    for pattern in family.topics:
        if matches(pattern, topic):
            return _with_own_levels(pattern, topic, family.own_levels)
    return None


def _with_own_levels(pattern: str, topic: str, own: tuple[int, ...]) -> str:
    levels, wildcard = [], 0
    for level, value in zip(pattern.split("/"), topic.split("/"), strict=False):
        wildcard += level == "+"
        levels.append(value if level == "+" and wildcard in own else level)
    return "/".join(levels)
