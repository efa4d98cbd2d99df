"""Summaries that are made regularly: once a slot, about that slot, and not for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from insights.models import StoredSummary, SummarySchedule
from insights.summaries.storing import make_due
from validation.models import DataModel
from validation.tests.stored import publish_model, store

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def schedule(every: int = 3_600) -> SummarySchedule:
    spec = publish_model()
    store(spec, "van_1", [(NOON.timestamp() - 3_600 + 60 * place, {"speed": 50.0 + place % 7}) for place in range(60)])
    return SummarySchedule.objects.create(model=DataModel.objects.get(name="van"), every=every)


def test_a_slot_is_summarized_once_after_it_has_ended() -> None:
    schedule()
    assert [make_due(NOON + timedelta(seconds=seconds)) for seconds in (100, 160, 3_500)] == [1, 0, 0]
    row = StoredSummary.objects.get()
    assert (row.start, row.end, row.readings) == (NOON - timedelta(hours=1), NOON, 60)
    assert "60 readings of 1 device in the last 1 hour" in row.text
    assert {fact["name"]: fact["value"] for fact in row.facts}["readings"] == 60
    assert make_due(NOON + timedelta(seconds=3_700)) == 1


def test_somebody_who_was_later_makes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    one = schedule()
    make_due(NOON + timedelta(seconds=100))
    from insights.summaries import storing

    assert storing._make(one, int(NOON.timestamp()) // 3_600) == 0
    assert StoredSummary.objects.count() == 1


def test_a_schedule_that_is_off_makes_nothing_and_old_summaries_go() -> None:
    one = schedule()
    make_due(NOON + timedelta(seconds=100))
    SummarySchedule.objects.filter(pk=one.pk).update(enabled=False)
    assert make_due(NOON + timedelta(days=2)) == 0
    assert StoredSummary.objects.count() == 1
    make_due(NOON + timedelta(days=500))
    assert StoredSummary.objects.count() == 0
