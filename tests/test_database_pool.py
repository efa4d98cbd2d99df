"""How soon a process finds a database again that was away; fault F8 of `tests.chaos` shows it at full length."""

from __future__ import annotations

from django.conf import settings
from psycopg_pool.base import AttemptWithBackoff

SOON_S = 5.0


def test_a_pool_begins_anew_within_seconds_however_long_the_database_was_away() -> None:
    options = settings.DATABASES["default"]["OPTIONS"]["pool"]
    attempt, now = AttemptWithBackoff(timeout=options["reconnect_timeout"]), 0.0
    while not attempt.time_to_give_up(now):
        attempt.update_delay(now)
        now += attempt.delay
    assert now < SOON_S < options["timeout"]
