"""What the tests of this room share: a buffer of their own, the sample models, and a worker in this process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
import redis
from django.conf import settings
from django.db import connection

from ingest.envelope import Minutes, batch_of
from ingest.ring import Ring, connect, identify
from validation.audit import Audit, audit
from validation.drain import Drain
from validation.models import Quarantined
from validation.samples import load_samples
from validation.streams import StreamReader


@dataclass
class Worker:
    """A ring of one buffer, and the drain that a Celery worker would run."""

    url: str
    client: redis.Redis
    drain: Drain = field(default_factory=lambda: Drain(left_every_s=0))
    minutes: Minutes = field(default_factory=Minutes)

    def __post_init__(self) -> None:
        self.ring = Ring([self.url])
        self.buffer = identify(self.url)

    def receive(self, *messages: tuple[str | bytes, Any], at: float | None = None) -> None:
        """Append messages as one batch; payloads that are not bytes are encoded as JSON."""
        topics = [topic.encode() if isinstance(topic, str) else topic for topic, _ in messages]
        payloads = [item if isinstance(item, bytes) else msgspec.json.encode(item) for _, item in messages]
        self.ring.append(batch_of("test", self.minutes, topics, payloads, [at or time.time()] * len(messages)))

    def work(self) -> None:
        """Drain the buffer until it is empty."""
        while self.drain.run(StreamReader(self.client), self.buffer, seconds=5):
            pass

    def buffer_now(self) -> str:
        """Return the identity of the buffer, which is another one once its data is gone."""
        return identify(self.url)

    def audit(self) -> Audit:
        """Check the books."""
        return audit([self.url])

    def reasons(self) -> list[list[str]]:
        """Return the codes of everything in quarantine, oldest first."""
        return [[reason["code"] for reason in row.reasons] for row in Quarantined.objects.order_by("id")]


@pytest.fixture
def worker(transactional_db: None) -> Iterator[Worker]:
    """A ring of empty buffers and the sample models; real Valkey, real PostgreSQL, transactions that commit."""
    url = settings.BUFFER_URLS[0]
    for other in settings.BUFFER_URLS[1:]:  # where other rooms' tests may have left what nobody drains
        with connect(other) as client:
            client.flushall()
    with connect(url) as client, redis.Redis.from_url(settings.REDIS_URL) as kept:
        client.flushall()
        if recent := list(kept.scan_iter("dataflow:recent:*")):
            kept.delete(*recent)
        with connection.cursor() as cursor:  # which another room's test may have left
            cursor.execute("DROP SCHEMA IF EXISTS telemetry, rollup CASCADE")
        load_samples()
        yield Worker(url, client)
        client.flushall()


@pytest.fixture(autouse=True)
def _no_telemetry_is_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Drop the telemetry tables after a test that may have made some; Django's own clean-up does not know them."""
    yield
    if "transactional_db" in request.fixturenames or "db" in request.fixturenames:
        request.getfixturevalue("django_db_blocker").unblock()
        with connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA IF EXISTS telemetry, rollup CASCADE")
        request.getfixturevalue("django_db_blocker").restore()
