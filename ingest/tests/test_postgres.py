"""A connection on which nothing waits for long."""

from __future__ import annotations

import time
from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection

from ingest.postgres import Postgres
from ingest.tests.relay import Relay

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def relay(monkeypatch: pytest.MonkeyPatch) -> Iterator[Relay]:
    """A relay in front of the database, which new connections of this thread go through."""
    given = connection.settings_dict
    relay = Relay(given["HOST"], int(given["PORT"]))
    monkeypatch.setitem(given, "PORT", str(relay.port))
    yield relay
    relay.close()


def ask(postgres: Postgres) -> int:
    with postgres.transaction() as cursor:
        row = cursor.execute("SELECT 1").fetchone()
    assert row is not None
    return int(row[0])


def test_a_server_that_hangs_is_given_up_after_the_limit_and_asked_again(relay: Relay) -> None:
    postgres = Postgres("test", 0.3)
    assert ask(postgres) == 1
    relay.freeze()
    began = time.monotonic()
    with pytest.raises(psycopg.Error):
        ask(postgres)
    assert time.monotonic() - began < 2
    assert postgres.fileno() is None
    relay.heal()
    assert ask(postgres) == 1
    postgres.close()


def test_a_server_that_hangs_while_one_connects_is_given_up_too(relay: Relay) -> None:
    relay.freeze()
    began = time.monotonic()
    with pytest.raises(psycopg.Error):
        ask(Postgres("test", 0.3))
    assert time.monotonic() - began < 6
    relay.heal()


def test_a_statement_that_takes_too_long_is_ended_and_changes_nothing() -> None:
    postgres = Postgres("test", 0.2)
    with pytest.raises(psycopg.errors.QueryCanceled), postgres.transaction() as cursor:  # noqa: PT012
        cursor.execute("INSERT INTO ingest_device (name, first_seen_at) VALUES ('slow', now())")
        cursor.execute("SELECT pg_sleep(5)")
    assert ask(postgres) == 1
    with postgres.transaction() as cursor:
        assert cursor.execute("SELECT * FROM ingest_device").fetchall() == []
    postgres.close()


def test_a_notification_of_somebody_else_is_noticed_and_an_own_one_is_not() -> None:
    listens, speaks = Postgres("test", 1, ("LISTEN news",)), Postgres("test", 1)
    noticed = []
    for speaker in (listens, speaks):
        with speaker.transaction() as cursor:
            cursor.execute("NOTIFY news")
        ask(listens)
        noticed.append(listens.notified)
    assert noticed == [False, True]
    for postgres in (listens, speaks):
        postgres.close()
