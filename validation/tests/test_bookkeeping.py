"""The alarm: raised while the books do not balance, cleared by itself, and honest about what it does not know."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from dataflow.lib import restorations
from ingest.ring import RECEIVED
from validation import bookkeeping
from validation.audit import audit
from validation.audit.total import begin
from validation.bookkeeping import Word
from validation.models import BookCheck
from validation.tests.conftest import Worker
from validation.tests.test_books import NOW, told

__all__ = ["told"]  # a fixture


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bookkeeping, "LOOK_AGAIN_S", 0)


def test_the_alarm_is_raised_while_the_books_do_not_balance_and_clears_by_itself(
    told: Worker, caplog: pytest.LogCaptureFixture
) -> None:
    assert bookkeeping.state().word == Word.NEVER
    bookkeeping.check([told.url])
    state = bookkeeping.state()
    assert (state.word, state.is_alarm, state.wrong_since) == (Word.BALANCED, False, None)
    assert state.check is not None
    assert state.check.totals["received"] == 10
    minute = next(iter(told.client.hgetall(RECEIVED)))
    told.client.hincrby(RECEIVED, minute, 3)
    with caplog.at_level(logging.INFO):
        first = bookkeeping.check([told.url])
        bookkeeping.check([told.url])
        assert sum("do not balance" in record.message for record in caplog.records) == 2
        state = bookkeeping.state()
        assert (state.word, state.is_alarm, state.wrong_since) == (Word.UNBALANCED, True, first.at)
        assert (first.missing, len(first.complaints)) == (3, 2)
        told.client.hincrby(RECEIVED, minute, -3)
        bookkeeping.check([told.url])
        assert "the books balance again" in caplog.text
    assert bookkeeping.state().word == Word.BALANCED


def test_a_buffer_that_is_away_is_no_alarm_and_does_not_clear_one(told: Worker) -> None:
    bookkeeping.check([told.url, "redis://:secret@127.0.0.1:9/0"])
    state = bookkeeping.state()
    assert (state.word, state.is_alarm) == (Word.UNCHECKED, False)
    assert state.check is not None
    assert "cannot be asked" in state.check.complaints[0]
    assert "secret" not in str(state.check.complaints)
    told.client.hincrby(RECEIVED, next(iter(told.client.hgetall(RECEIVED))), 3)
    bookkeeping.check([told.url])
    bookkeeping.check([told.url, "redis://:secret@127.0.0.1:9/0"])
    state = bookkeeping.state()
    assert (state.word, state.is_alarm) == (Word.UNBALANCED, True), "nobody has found the books right since"


def test_a_look_that_is_too_old_says_nothing_any_more(told: Worker) -> None:
    bookkeeping.check([told.url])
    BookCheck.objects.update(at=datetime.now(UTC) - timedelta(minutes=10))
    assert bookkeeping.state().word == Word.STALE
    BookCheck.objects.update(at=datetime.now(UTC) - timedelta(days=30))
    bookkeeping.check([told.url])
    assert BookCheck.objects.count() == 1, "what is too old is forgotten"


def test_after_a_restore_the_books_begin_anew(told: Worker) -> None:
    told.client.hincrby(RECEIVED, str(int(NOW // 60)), 5)
    assert not audit([told.url]).balanced
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM dataflow_restoration")
        restorations.write(_Asker(cursor), datetime.now(UTC), "seal", "")
    restoration = begin()
    assert restoration is not None
    assert bookkeeping.check([told.url]).balanced
    assert bookkeeping.check([told.url]).since == restoration.minute
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM dataflow_restoration")


class _Asker:
    """Django's cursor, as a connection of psycopg answers."""

    def __init__(self, cursor: Any) -> None:
        self.cursor = cursor

    def execute(self, query: Any, params: Any = None) -> Any:
        self.cursor.execute(query, params)
        return self.cursor
