"""The books by minute, model and device agree with each other, and name what does not agree."""

from __future__ import annotations

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.ring import RECEIVED
from validation import quarantine, settling
from validation.audit import Line, audit, compare_tables, lines
from validation.models import DataModel, LedgerEntry, LedgerMinute, LedgerVerdict, RollupMark
from validation.moments import moment
from validation.publishing import publish
from validation.retention.removing import expire
from validation.rollups.running import Roller
from validation.streams import StreamReader
from validation.tests import replaying
from validation.tests.conftest import Worker

NOW = time.time()
AN_HOUR = 3600.0
BASE = NOW + 6 * AN_HOUR  # so late that no real minute passes while a story is told
COUNTS = ("stored", "duplicate", "quarantined")
STEPS = (
    *("receive", "again", "bad", "array", "drain", "die after commit", "settle", "strict", "lenient", "replay"),
    *("discard", "later"),
)


class Story:
    """What can happen to a platform with three devices, over minutes of its own making."""

    def __init__(self, worker: Worker) -> None:
        self.worker, self.number, self.minute = worker, 0, 0

    def tell(self, step: str) -> None:
        getattr(self, "_" + step.replace(" ", "_"))()

    def _send(self, *messages: tuple[str | bytes, Any]) -> None:
        at = BASE + 60 * self.minute
        self.worker.minutes._newest = int(at // 60)
        self.worker.receive(*messages, at=at + 0.001 * self.number)

    def _reading(self) -> dict[str, float]:
        self.number += 1
        return replaying.reading(self.number)

    def _topic(self) -> str:
        return f"vehicles/v{self.number % 3}/telemetry"

    def _receive(self) -> None:
        self._send((self._topic(), self._reading()))

    def _again(self) -> None:
        self._send(("vehicles/v0/telemetry", replaying.reading(0)), ("vehicles/v0/telemetry", replaying.reading(0)))

    def _bad(self) -> None:
        self._send((self._topic(), b"no json"), (b"\xff", b"{}"), ("boats/1", b"{}"))

    def _array(self) -> None:
        self._send((self._topic(), [self._reading(), {"speed": -1}, replaying.reading(0)]))

    def _later(self) -> None:
        self.minute += 1

    def _drain(self) -> None:
        self.worker.work()

    def _die_after_commit(self) -> None:
        if entries := StreamReader(self.worker.client).new(2):
            self.worker.drain.store(self.worker.buffer, entries)

    def _settle(self) -> None:
        settling.settle(self.worker.client, self.worker.buffer, now=NOW + AN_HOUR * 24)

    def _strict(self) -> None:
        replaying.limit_speed(10)

    def _lenient(self) -> None:
        replaying.limit_speed(250)

    def _replay(self) -> None:
        replaying.replayed()

    def _discard(self) -> None:
        quarantine.discard(quarantine.Selection(code="not_json"), by="a test")


def totals(found: list[Line]) -> Counter[str]:
    """Add lines up; what is not known counts as nothing."""
    sums: Counter[str] = Counter()
    for line in found:
        sums.update({name: getattr(line, name) or 0 for name in COUNTS})
    return sums


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.sampled_from(STEPS), min_size=1, max_size=14))
def test_minutes_models_and_devices_add_up_to_the_books_after_any_story(worker: Worker, steps: list[str]) -> None:
    story = Story(worker)
    for step in steps:
        story.tell(step)
    found = audit([worker.url], minutes_from=0)
    assert found.balanced, found
    books = Counter({name: getattr(found.total, name) for name in COUNTS})
    by_minute = lines(("minute",), found.minutes)
    assert totals(by_minute) == books
    assert all(line.balanced for line in by_minute)
    assert sum(line.received or 0 for line in by_minute) == found.total.received
    assert sum(line.in_flight or 0 for line in by_minute) == found.total.in_flight
    assert totals(lines(("model",), {})) == totals(lines(("minute", "model"), {})) == books
    tables, complaints = compare_tables()
    assert complaints == []
    assert sum(table.in_table for table in tables) == books["stored"]
    by_device = totals(lines(("device",), {}))
    kept = books["quarantined"] - found.expired
    assert by_device == Counter(books | {"quarantined": kept})
    assert totals(lines(("device", "minute"), {})) == by_device
    assert totals(lines(("device", "model"), {}))["stored"] == books["stored"]


@pytest.fixture
def told(worker: Worker) -> Worker:
    """Three minutes: two vehicles and a topic of nobody, a duplicate, something refused, and one that waits."""
    story = Story(worker)
    for step in ("receive", "again", "later", "bad", "array", "drain", "later", "receive"):
        story.tell(step)
    return worker


def test_a_minute_knows_everything_and_a_device_what_the_tables_know(told: Worker) -> None:
    first, second, third = lines(("minute",), audit([told.url], minutes_from=0).minutes)
    assert [third.received, third.stored, third.in_flight, third.balanced] == [1, 0, 1, True]
    assert [first.received, first.stored, first.duplicate, first.quarantined] == [3, 2, 1, 0]
    assert [second.received, second.stored, second.duplicate, second.quarantined] == [6, 2, 0, 4]
    (line,) = lines((), {}, device="v1")
    assert [line.received, line.stored, line.in_flight] == [None, 2, None]
    by_model = {line.model: line for line in lines(("model",), {})}
    assert by_model.keys() == {"", "vehicle"}
    assert [by_model["vehicle"].version, by_model[""].version] == [1, None]
    both = [line for line in lines(("device", "model"), {}) if line.device == "v0" and line.model == "vehicle"]
    assert [line.duplicate for line in both] == [None], "nobody counts them by model"


def test_the_tables_agree_when_retention_has_removed_days(told: Worker) -> None:
    DataModel.objects.filter(name="vehicle").update(retention_days=1)
    publish(DataModel.objects.get(name="vehicle"))
    Roller().run(10, patient=False)
    RollupMark.objects.all().delete()  # as thirty days do: this minute, hour and day still run
    assert expire(now=datetime.now(UTC) + timedelta(days=30)) == 4
    (table,) = [table for table in compare_tables()[0] if table.model == "vehicle"]
    assert (table.stored, table.in_table, table.removed, table.excess) == (4, 0, 4, 0)
    assert compare_tables(int(NOW // 60))[1] == []


# --- Controls: what is tampered with is named -------------------------------------------------------------------------


def test_control_a_row_that_disappears_is_named_by_model_and_day(told: Worker) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM telemetry.vehicle WHERE seq = 1")
    assert audit([told.url]).balanced, "the ledger itself is whole"
    (complaint,) = compare_tables()[1]
    day = f"{datetime.fromtimestamp(BASE, UTC):%Y-%m-%d}"
    assert complaint.startswith("The table of vehicle holds 1 readings fewer than the books say were stored")
    assert f"{day}: -1" in complaint
    assert "1 readings fewer" in compare_tables(int(NOW // 60))[1][0]


def test_control_a_row_that_nobody_received_is_named(told: Worker) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO telemetry.vehicle (ts, received_at, seq, device_id, version, speed) "
            "SELECT ts, received_at, 4711, device_id, version, speed FROM telemetry.vehicle LIMIT 1"
        )
    assert "holds 1 readings more" in compare_tables()[1][0]


def test_control_an_outcome_that_disappears_is_named_by_its_minute(told: Worker) -> None:
    entry = LedgerEntry.objects.order_by("minute").first()
    assert entry is not None
    entry.delete()
    found = audit([told.url])
    assert list(found.minutes) == [entry.minute]
    assert f"{moment(entry.minute * 60_000_000):%Y-%m-%d %H:%M} UTC: {entry.messages}" in found.complaints[1]


def test_control_two_minutes_that_cancel_out_are_both_named(told: Worker) -> None:
    story_minutes = sorted(int(minute) for minute in told.client.hgetall(RECEIVED))
    told.client.hincrby(RECEIVED, story_minutes[0], 5)
    told.client.hincrby(RECEIVED, story_minutes[1], -5)
    found = audit([told.url])
    assert (found.total.missing, found.balanced) == (0, False)
    assert [books.missing for books in found.minutes.values()] == [5, -5]


def test_control_a_settled_sum_that_is_changed_is_named_by_its_minute(told: Worker) -> None:
    settling.settle(told.client, told.buffer, now=NOW + AN_HOUR * 24)
    row = LedgerMinute.objects.filter(stored__gt=0).order_by("minute").first()
    assert row is not None
    LedgerMinute.objects.filter(pk=row.pk).update(stored=row.stored - 1)
    assert list(audit([told.url]).minutes) == [row.minute]


def test_control_a_verdict_that_is_changed_is_named_by_model(told: Worker) -> None:
    settling.settle(told.client, told.buffer, now=NOW + AN_HOUR * 24)
    row = LedgerVerdict.objects.filter(stored__gt=0).first()
    assert row is not None
    LedgerVerdict.objects.filter(pk=row.pk).update(stored=row.stored + 1)
    assert audit([told.url]).balanced
    said = " ".join(compare_tables()[1])
    assert f"other sums than by minute: {moment(row.minute * 60_000_000):%Y-%m-%d %H:%M} UTC" in said
    assert "holds 1 readings fewer" in said
