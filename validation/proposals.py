"""Propose models for what no model is for, and changes for what no longer fits one; people accept or refuse them.

What is looked at is bounded: LOOKED_AT waiting messages, MAX_TOPICS of their topics, 2,000 messages for one proposal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import redis
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import BinaryField, QuerySet
from django.db.models.functions import Substr

from ingest.topics import InvalidTopic, check_filter, is_platform, matches
from validation import drafting, publishing, quarantine, recent
from validation import propose as pure
from validation import replay as replays
from validation.limits import parse
from validation.models import DataModel, ModelVersion, Quarantined, Replay
from validation.propose.traffic import MAX_BYTES, MAX_MESSAGES
from validation.selectors import bounded_read
from validation.spec import ModelSpec
from validation.tables import SCHEMA

UNKNOWN = "unknown_topic"  # the code of a message that no model is for
LOOKED_AT = 200_000  # waiting messages, the newest; they take some 0.2 s to count
MAX_TOPICS = 1_000
LONGEST_TOPIC = 1_000  # characters; a topic filter has 255 at most, and its wildcards stand for the rest
DRIFT_MESSAGES = 1_000


@dataclass(frozen=True, slots=True)
class Waiting:
    """Messages that wait because no model is for their topics. `messages` counts the newest LOOKED_AT of all."""

    topic_filter: str
    topics: list[str]
    messages: int
    first: datetime
    last: datetime


@dataclass(frozen=True, slots=True)
class Accepted:
    """What accepting a proposal made."""

    model: DataModel
    version: ModelVersion | None
    replay: Replay | None


@dataclass(frozen=True, slots=True)
class _Topic:
    """A topic with waiting messages, and its newest one."""

    name: str
    messages: int
    first: datetime
    last: datetime
    newest: int


def unknown() -> list[Waiting]:
    """Return what waits for a model, by topics that belong together, the newest first. Raises selectors.TooSlow."""
    in_service = _filters_in_service()
    topics = {
        topic.name: topic
        for topic in _topics()
        if not is_platform(topic.name.encode()) and not any(matches(pattern, topic.name) for pattern in in_service)
    }
    sightings = [pure.Sighting(name, keys) for name, keys in _keys(list(topics.values()))]
    return [_waiting(pattern, [topics[name] for name in names]) for pattern, names in pure.clusters(sightings)]


def _waiting(pattern: str, topics: Sequence[_Topic]) -> Waiting:
    return Waiting(
        topic_filter=pattern,
        topics=[topic.name for topic in topics],
        messages=sum(topic.messages for topic in topics),
        first=min(topic.first for topic in topics),
        last=max(topic.last for topic in topics),
    )


def _topics() -> list[_Topic]:
    """Return the topics with waiting messages, the newest first."""
    query = """
        SELECT topic, count(*), min(received_at), max(received_at), max(id)
        FROM (SELECT id, topic, received_at FROM validation_quarantined
              WHERE model_id IS NULL AND code = %s AND place = '' ORDER BY id DESC LIMIT %s) AS newest
        WHERE length(topic) <= %s GROUP BY topic ORDER BY max(id) DESC LIMIT %s"""
    with bounded_read() as cursor:
        cursor.execute(query, [UNKNOWN, LOOKED_AT, LONGEST_TOPIC, MAX_TOPICS])
        return [_Topic(*row) for row in cursor.fetchall()]


def _keys(topics: Sequence[_Topic]) -> list[tuple[str, frozenset[str]]]:
    """Return the outermost keys of the newest message of each topic; none for what is no object."""
    rows = Quarantined.objects.filter(pk__in=[topic.newest for topic in topics])
    heads: dict[int, Any] = dict(rows.annotate(head=_head()).values_list("pk", "head"))
    return [(topic.name, _keys_of(bytes(heads.get(topic.newest, b"")))) for topic in topics]


def _head() -> Substr:
    """Return the first bytes of a payload, one more than are looked at, so that a longer one is seen to be longer."""
    return Substr("payload", 1, MAX_BYTES + 1, output_field=BinaryField())


def _keys_of(payload: bytes) -> frozenset[str]:
    value, faults = parse(payload) if len(payload) <= MAX_BYTES else (None, [])
    first = value[0] if isinstance(value, list) and value else value
    return frozenset(first) if isinstance(first, dict) and not faults else frozenset()


def _filters_in_service() -> list[str]:
    versions = ModelVersion.objects.filter(model__published=True).order_by("model_id", "-number")
    return list(versions.distinct("model_id").values_list("spec__topic_filter", flat=True))


def propose(topic_filter: str) -> pure.Proposal:
    """Return a draft for the messages that wait on some topics, or on a single one.

    Raises ValidationError for what is no topic filter, or the platform's own; selectors.TooSlow.
    """
    try:
        check_filter(topic_filter)
    except InvalidTopic as fault:
        raise ValidationError(str(fault)) from fault
    if is_platform(topic_filter.encode()):
        raise ValidationError(f"The topics {topic_filter!r} are the platform's own; no model can be for them.")
    with bounded_read():
        messages = _messages(quarantine.select(_selection(topic_filter)), MAX_MESSAGES)
    return pure.propose(messages, topic_filter, taken=_taken())


def _messages(records: QuerySet[Quarantined], count: int) -> list[pure.Message]:
    """Return the newest of some records as messages."""
    rows: Any = records.annotate(head=_head()).order_by("-pk").values_list("topic", "head", "received_at")[:count]
    return [pure.Message(topic, bytes(head), received.timestamp()) for topic, head, received in rows]


def _selection(topic_filter: str) -> quarantine.Selection:
    return quarantine.Selection(model="", code=UNKNOWN, topic_filter=topic_filter)


def _taken() -> set[str]:
    """Return names that a new model cannot have: those of models, and of tables that models have left behind."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [SCHEMA])
        tables = {name for (name,) in cursor.fetchall()}
    return tables | set(DataModel.objects.values_list("name", flat=True))


def drift(model: DataModel) -> pure.Drift:
    """Return how a model's draft would have to change for the newest messages that came for it, accepted or not.

    Where Redis is away, only what waits in quarantine is looked at. Blocks for both servers.
    """
    try:
        kept = recent.messages(model.name, DRIFT_MESSAGES)
        messages = [pure.Message(message.topic, message.payload, message.received) for message in kept]
    except redis.RedisError:
        messages = _messages(Quarantined.objects.filter(model=model), DRIFT_MESSAGES)
    return pure.changed(model.spec(), messages)


def accept(spec: ModelSpec, *, by: str, publish: bool, replay: bool, description: str = "") -> Accepted:
    """Make a model of a proposal; publish it, and judge what waits for it again, as wanted. All of it or nothing.

    Raises ValidationError with sentences for people: for a name in use, for what cannot be published, and for topics
    that another model in service has.
    """
    if replay and not publish:
        raise ValidationError("What waits can only be judged again by a model that is published.")
    with transaction.atomic():
        publishing.check(spec)
        if DataModel.objects.filter(name=spec.name).exists():
            raise ValidationError(f"There is a model {spec.name!r} already.")
        model = drafting.save(spec, description)
        version = publishing.publish(model, by) if publish else None
        run = _replay(spec.topic_filter, by) if replay else None
    return Accepted(model, version, run)


def _replay(topic_filter: str, by: str) -> Replay:
    return replays.start(_selection(topic_filter), dry_run=False, by=by)
