"""Whether the process lives, and whether it can work."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from dashboard import readiness


def test_a_living_process_says_so_without_asking_anybody(stranger: Client) -> None:
    # Without the mark django_db, a query would fail this test.
    assert stranger.get("/healthz").json() == {"status": "ok"}


@pytest.mark.django_db
def test_everything_that_is_needed_is_asked(stranger: Client, settings: Any) -> None:
    response = stranger.get("/readyz")
    assert response.status_code == 200
    body = response.json()
    assert body["ready"]
    buffers = {f"buffer {n + 1}" for n in range(len(settings.BUFFER_URLS))}
    assert body["parts"].keys() == {"database", "migrations", "redis"} | buffers
    assert set(body["parts"].values()) == {"ok"}


@pytest.mark.django_db
def test_a_part_that_is_away_is_named_and_its_address_is_not(stranger: Client, settings: Any) -> None:
    settings.BUFFER_URLS = [settings.BUFFER_URLS[0], "redis://:secret@127.0.0.1:1/0"]
    response = stranger.get("/readyz")
    assert response.status_code == 503
    assert response.json()["parts"]["buffer 2"] == "does not answer"
    assert response.json()["parts"]["buffer 1"] == "ok"
    assert not response.json()["ready"]
    assert b"secret" not in response.content
    assert b"127.0.0.1" not in response.content


@pytest.mark.django_db
def test_a_database_that_is_away_is_named(stranger: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OperationalError("password authentication failed for user postgres")

    monkeypatch.setattr(readiness, "_ask_database", fail)
    response = stranger.get("/readyz")
    assert response.status_code == 503
    assert response.json()["parts"]["database"] == "does not answer"
    assert response.json()["parts"]["migrations"] == "not known"
    assert b"postgres" not in response.content


@pytest.mark.django_db
def test_a_migration_that_is_missing_is_told(stranger: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "_migrated", set())
    from django.db.migrations.recorder import MigrationRecorder

    MigrationRecorder.Migration.objects.filter(app="dashboard").latest("name").delete()
    response = stranger.get("/readyz")
    assert response.status_code == 503
    assert "manage.py migrate" in response.json()["parts"]["migrations"]
