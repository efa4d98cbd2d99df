"""MQTT topics: which are the platform's own, which a filter matches, and which are valid at all.

Filters follow MQTT 5, section 4.7: `+` stands for one level, `#` at the end for any number of them, none included, and
a topic that starts with `$` is never matched by a filter that starts with a wildcard.
"""

from __future__ import annotations

MAX_TOPIC_BYTES = 65_535  # MQTT gives a topic a length of two bytes
# What the platform itself says: commands and their replies, the state of devices, and the broker's own topics.
PLATFORM_PREFIXES = (b"commands/", b"status/", b"$")


class InvalidTopic(ValueError):
    """A topic or a topic filter breaks the rules of MQTT; the message says which one."""


def is_platform(topic: bytes) -> bool:
    """Tell whether a topic belongs to the platform; what arrives there is never taken for telemetry."""
    return topic.startswith(PLATFORM_PREFIXES)


def check_topic(topic: str) -> bytes:
    """Return the UTF-8 bytes of a topic to publish to; raise InvalidTopic when it is none."""
    data = _checked(topic, "topic")
    if "+" in topic or "#" in topic:
        raise InvalidTopic(f"The topic {topic!r} has a wildcard; only a subscription may.")
    return data


def check_filter(pattern: str) -> bytes:
    """Return the UTF-8 bytes of a topic filter; raise InvalidTopic when it is none."""
    data = _checked(pattern, "topic filter")
    levels = pattern.split("/")
    for level in levels:
        if len(level) > 1 and ("+" in level or "#" in level):
            raise InvalidTopic(
                f"In the topic filter {pattern!r} a wildcard shares the level {level!r} with other text."
            )
    if "#" in levels[:-1]:
        raise InvalidTopic(f"In the topic filter {pattern!r} something follows #, which must come last.")
    return data


def matches(pattern: str, topic: str) -> bool:
    """Tell whether a valid topic filter matches a valid topic."""
    return wildcard_values(pattern, topic) is not None


def wildcard_values(pattern: str, topic: str) -> tuple[str, ...] | None:
    """Return what each wildcard of a filter stands for in a topic, or None when the filter does not match.

    `vehicles/+/telemetry` and `vehicles/v1/telemetry` give `("v1",)`. For `#` it is the rest of the topic, slashes
    included, and an empty text when there is none.
    """
    if topic.startswith("$") and pattern[:1] in ("+", "#"):
        return None
    wanted, levels = pattern.split("/"), topic.split("/")
    values: list[str] = []
    for position, want in enumerate(wanted):
        if want == "#":
            return (*values, "/".join(levels[position:]))
        if position == len(levels):
            return None
        if want == "+":
            values.append(levels[position])
        elif want != levels[position]:
            return None
    return tuple(values) if len(wanted) == len(levels) else None


def common_topic(one: str, other: str) -> str | None:
    """Return a topic that two valid filters both match, or None when there is none. A wildcard becomes `x`."""
    levels = _common(one.split("/"), other.split("/"))
    if levels is None:
        return None
    topic = "/".join(level if level not in ("+", "#") else "x" for level in levels)
    # A topic with $ in front is for no filter that begins with a wildcard.
    return topic if matches(one, topic) and matches(other, topic) else None


def _common(one: list[str], other: list[str]) -> list[str] | None:
    """Return levels that both lists of levels allow; a wildcard where both leave a level open."""
    if one[:1] == ["#"] or other[:1] == ["#"]:
        rest = other if one[:1] == ["#"] else one
        return rest if rest != ["#"] else ["+"]
    if not one or not other:
        return [] if one == other else None
    if one[0] != other[0] and "+" not in (one[0], other[0]):
        return None
    below = _common(one[1:], other[1:])
    return None if below is None else [other[0] if one[0] == "+" else one[0], *below]


def _checked(text: str, kind: str) -> bytes:
    if not text:
        raise InvalidTopic(f"The {kind} is empty.")
    if "\0" in text:
        raise InvalidTopic(f"The {kind} {text!r} has a NUL character.")
    try:
        data = text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise InvalidTopic(f"The {kind} {text!r} is not valid Unicode: {error.reason}.") from error
    if len(data) > MAX_TOPIC_BYTES:
        raise InvalidTopic(f"The {kind} is {len(data)} bytes long, {MAX_TOPIC_BYTES} at most are allowed.")
    return data
