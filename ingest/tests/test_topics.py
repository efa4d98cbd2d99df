"""Topics: what is the platform's, what a filter matches, and what is valid."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.topics import (
    InvalidTopic,
    check_filter,
    check_topic,
    common_topic,
    is_platform,
    matches,
    wildcard_values,
)

# Few letters and many short levels, so that filters and topics often meet.
level = st.text("ab$", max_size=2)
topics = st.lists(level, min_size=1, max_size=4).map("/".join).filter(bool)
filters = st.builds(
    lambda levels, end: "/".join([*levels, *end]),
    st.lists(st.one_of(level, st.just("+")), min_size=1, max_size=4),
    st.sampled_from([[], ["#"]]),
).filter(bool)


def matches_naively(pattern: str, topic: str) -> bool:
    """The rules once more, as a regular expression."""
    if topic.startswith("$") and pattern[0] in "+#":
        return False
    wanted = "/".join("[^/]*" if part == "+" else re.escape(part) for part in pattern.removesuffix("#").split("/"))
    if pattern == "#":
        return True
    if pattern.endswith("/#"):
        return re.fullmatch(wanted.removesuffix("/") + "(/.*)?", topic) is not None
    return re.fullmatch(wanted, topic) is not None


@given(filters, topics)
def test_a_filter_matches_what_the_rules_of_mqtt_say(pattern: str, topic: str) -> None:
    assert matches(pattern, topic) == matches_naively(pattern, topic)


@given(filters, topics)
def test_the_values_of_the_wildcards_put_the_topic_together_again(pattern: str, topic: str) -> None:
    values = wildcard_values(pattern, topic)
    if values is not None:
        rest = list(values)
        filled = [rest.pop(0) if part in ("+", "#") else part for part in pattern.split("/")]
        # A # that stands for nothing may stand for a last level that is empty, or for none at all.
        assert "/".join(filled) in (topic, f"{topic}/" if pattern.endswith("/#") else topic)


@pytest.mark.parametrize(
    ("pattern", "topic", "values"),
    [
        ("vehicles/+/telemetry", "vehicles/v1/telemetry", ("v1",)),
        ("+/+/telemetry", "vehicles/v1/telemetry", ("vehicles", "v1")),
        ("vehicles/+", "vehicles/v1/telemetry", None),
        ("vehicles/#", "vehicles/v1/telemetry", ("v1/telemetry",)),
        ("vehicles/#", "vehicles", ("",)),
        ("vehicles/+", "vehicles/", ("",)),
        ("#", "a/b", ("a/b",)),
        ("#", "$SYS/broker", None),
        ("+/broker", "$SYS/broker", None),
        ("$SYS/#", "$SYS/broker", ("broker",)),
        ("a/b", "a/b", ()),
        ("a/b", "A/b", None),
    ],
)
def test_wildcards_stand_for_these_values(pattern: str, topic: str, values: tuple[str, ...] | None) -> None:
    assert wildcard_values(pattern, topic) == values


@pytest.mark.parametrize(
    ("topic", "platform"),
    [
        (b"commands/v1", True),
        (b"commands/v1/reply", True),
        (b"status/v1", True),
        (b"$SYS/broker/uptime", True),
        (b"vehicles/v1/telemetry", False),
        (b"commanders/v1", False),
        (b"fleet/status/v1", False),
        (b"\xff\xfe", False),
        (b"", False),
    ],
)
def test_platform_topics_are_told_from_telemetry(topic: bytes, platform: bool) -> None:
    assert is_platform(topic) is platform


@pytest.mark.parametrize("topic", ["", "a/+/b", "a/#", "+", "a\0b", "a/\ud800", "é" * 32_768])
def test_nothing_may_be_published_to_an_invalid_topic(topic: str) -> None:
    with pytest.raises(InvalidTopic):
        check_topic(topic)


@pytest.mark.parametrize("pattern", ["", "a/b+", "a/#/b", "#a", "a#", "++", "a\0", "\udfff", "x" * 65_536])
def test_an_invalid_filter_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidTopic):
        check_filter(pattern)


@pytest.mark.parametrize("pattern", ["#", "+", "+/+/#", "/", "a//b", "vehicles/+/telemetry", "x" * 65_535])
def test_a_valid_filter_is_accepted(pattern: str) -> None:
    assert check_filter(pattern) == pattern.encode()


@given(filters, filters, topics)
def test_two_filters_meet_exactly_where_there_is_a_topic_for_both(one: str, other: str, topic: str) -> None:
    common = common_topic(one, other)
    if common is None:
        assert not (matches(one, topic) and matches(other, topic))
    else:
        assert matches(one, common)
        assert matches(other, common)


def test_a_topic_of_the_greatest_length_is_accepted() -> None:
    assert check_topic("é" * 32_767) == ("é" * 32_767).encode()
