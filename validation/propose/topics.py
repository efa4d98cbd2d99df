"""Find which topics belong together, and the topic filter that stands for them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from ingest.topics import matches
from validation.propose.families import FAMILIES, Family, topic_filter_of
from validation.propose.identity import LIKE_A_NAME, STOCK, VERSION, guess_level
from validation.propose.traffic import Traffic
from validation.propose.words import model_name, singular

ALIKE = 0.5  # of the keys that two messages have together, so many must be in both
MAX_CLUSTERS = 200  # that a topic is compared with
MANY_WORDS = 3  # literal levels that make the name of a model
# Levels that say nothing about what a model is for.
DULL = STOCK - {
    "climate",
    "energy",
    "health",
    "diagnostics",
    "environment",
    "metrics",
    "location",
    "position",
    "sensors",
}


@dataclass(frozen=True, slots=True)
class Sighting:
    """A topic, and the outermost keys of a message on it; no keys: what came was no object."""

    topic: str
    keys: frozenset[str]


@dataclass(slots=True)
class Cluster:
    """Topics that one model can be for. `pattern` is fixed when a family of devices uses it."""

    levels: list[str]
    keys: frozenset[str]
    topics: list[str]
    pattern: str = ""

    def takes(self, levels: Sequence[str], keys: frozenset[str]) -> bool:
        """Tell whether a topic is like those of the cluster."""
        if self.pattern or len(levels) != len(self.levels) or not _alike(self.keys, keys):
            return False
        same = [one == other for one, other in zip(self.levels, levels, strict=True)]
        if sum(same) == 0 and len(levels) > 1:
            return False
        # Another first level is another part of the world, unless both look like names that machines were given.
        return same[0] or (len(levels) > 1 and _is_name(levels[0]) and self.levels[0] in ("+", *_names(self.topics)))

    def add(self, topic: str, levels: Sequence[str], keys: frozenset[str]) -> None:
        """Take a topic in; levels that differ become a wildcard."""
        self.topics.append(topic)
        self.keys |= keys
        if not self.pattern:
            self.levels = [one if one == other else "+" for one, other in zip(self.levels, levels, strict=True)]


def _names(topics: Sequence[str]) -> set[str]:
    return {first for topic in topics[:1] if _is_name(first := topic.split("/")[0])}


def _is_name(level: str) -> bool:
    return bool(LIKE_A_NAME.fullmatch(level)) and not VERSION.fullmatch(level)


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    if not one or not other:
        return one == other
    return len(one & other) >= ALIKE * len(one | other) or one <= other or other <= one


def clusters(sightings: Iterable[Sighting]) -> list[tuple[str, list[str]]]:
    """Return topic filters, each with the topics that were seen of it, in the order of the first one."""
    found: list[Cluster] = []
    of_family: dict[str, Cluster] = {}
    by_depth: dict[int, list[Cluster]] = {}
    for sighting in sightings:
        levels = sighting.topic.split("/")
        pattern = _pattern_of_family(sighting)
        cluster = of_family.get(pattern) if pattern else None
        if not pattern:
            candidates = by_depth.setdefault(len(levels), [])
            cluster = next((c for c in candidates[-MAX_CLUSTERS:] if c.takes(levels, sighting.keys)), None)
        if cluster is None:
            cluster = Cluster(levels, sighting.keys, [sighting.topic], pattern)
            found.append(cluster)
            if pattern:
                of_family[pattern] = cluster
            else:
                by_depth[len(levels)].append(cluster)
        else:
            cluster.add(sighting.topic, levels, sighting.keys)
    return _without_overlap([(_filter_of(cluster), cluster.topics) for cluster in found])


def _pattern_of_family(sighting: Sighting) -> str:
    """Return the filter that a family of devices has for a topic, when the keys are its own; else an empty text."""
    for family in FAMILIES:
        pattern = topic_filter_of(family, sighting.topic)
        if pattern and all(sign.split(".")[0] in sighting.keys for sign in family.signs):
            return pattern
    return ""


def _filter_of(cluster: Cluster) -> str:
    if cluster.pattern:
        return cluster.pattern
    if "+" in cluster.levels:
        return "/".join(cluster.levels)
    return guessed(cluster.topics[0], ())[0]


def guessed(topic: str, texts: Collection[str]) -> tuple[str, str]:
    """Return a topic filter for the only topic that was seen, and a note about the guess."""
    levels = topic.split("/")
    place, why = guess_level(levels, texts)
    pattern = "/".join([*levels[:place], "+", *levels[place + 1 :]])
    note = f"Only one topic was seen, so it is a guess that {levels[place][:60]!r} names the device: {why}."
    return pattern, note


def _without_overlap(found: list[tuple[str, list[str]]]) -> list[tuple[str, list[str]]]:
    """Join filters of which one stands for all topics of the other: two models cannot be for one topic."""
    merged: dict[str, list[str]] = {}
    for pattern, topics in sorted(found, key=lambda item: (-item[0].count("+"), -len(item[1]))):
        wider = next((other for other in merged if _stands_for(other, pattern)), None)
        merged.setdefault(wider or pattern, []).extend(topics)
    order = {pattern: place for place, (pattern, _) in reversed(list(enumerate(found)))}
    return sorted(merged.items(), key=lambda item: order[item[0]])


def _stands_for(wide: str, narrow: str) -> bool:
    """Tell whether each topic of one filter of the same length is a topic of the other."""
    one, other = wide.split("/"), narrow.split("/")
    return len(one) == len(other) and all(a in ("+", b) for a, b in zip(one, other, strict=True))


def filter_for(traffic: Traffic, wanted: str, family: Family | None) -> tuple[str, list[str]]:
    """Return the topic filter for some readings, and notes. `wanted` is what somebody asked for; it may be a topic."""
    if "+" in wanted.split("/"):
        return wanted, []
    topics = [topic for topic in traffic.topics if not wanted or matches(wanted, topic)]
    of_family = {topic_filter_of(family, topic) for topic in topics} if family else set()
    if len(of_family) == 1 and (pattern := of_family.pop()):
        return pattern, []
    depths = {topic.count("/") for topic in topics}
    if not topics or len(depths) > 1:
        return wanted or "#", ["The topics have different numbers of levels, so no + can stand for the device."]
    if len(topics) == 1:
        texts = {text for place in traffic.places.values() for text in place.texts if len(place.path) <= 2}
        pattern, note = guessed(topics[0], texts)
        return pattern, [note]
    rows = zip(*(topic.split("/") for topic in topics), strict=True)
    return "/".join(row[0] if len(set(row)) == 1 else "+" for row in rows), []


def name_for(topic_filter: str) -> str:
    """Return a name for a model of some topics."""
    literal = [level for level in topic_filter.split("/") if level not in ("+", "#", "")]
    telling = [level for level in literal if level.lower() not in DULL]
    words = [singular(level.lower()) for level in (telling or literal[:1])[:MANY_WORDS]]
    return model_name(words)
