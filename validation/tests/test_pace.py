"""When a worker drains again, and how much it takes at once."""

from __future__ import annotations

import time

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from validation.drain import CHUNK, WIDE_CHUNK
from validation.pace import LONGEST_REST_S, REST_OF_MANY_S, REST_S, Pace, is_wide, rows_of
from validation.tests.conftest import Worker


def settled(rate: float, devices: int, models: int = 1) -> tuple[float, int, int]:
    """Return the rest that a worker comes to, the messages of such a turn, and what it does once."""
    pace, rest = Pace(), REST_OF_MANY_S
    messages = rows = 0
    for _ in range(200):
        messages = round(rate * rest)
        rows = rows_of(min(devices, messages), models)
        rest = pace.rest_s(messages, rows, rest)
    return rest, messages, rows


@pytest.mark.parametrize(
    ("rate", "devices", "models", "rest"),
    [
        (1_000, 10, 1, REST_S),
        (1_000, 1_000, 1, REST_S),  # who looks at one of them wants to see it now
        (15_000, 10, 1, REST_OF_MANY_S),
        (15_000, 200, 3, REST_OF_MANY_S),
        (15_000, 575, 1, 0.8),
        (15_000, 5_000, 1, LONGEST_REST_S),
        (15_000, 100, 20, 0.8),
    ],
)
def test_a_worker_waits_the_longer_the_more_devices_and_models_its_many_messages_are_of(
    rate: float, devices: int, models: int, rest: float
) -> None:
    assert settled(rate, devices, models)[0] == pytest.approx(rest, rel=0.01)


@given(rate=st.floats(7_000, 50_000), devices=st.integers(1, 200_000), models=st.integers(1, 300))
def test_rests_settle_where_there_are_enough_messages_to_what_is_done_once_or_at_the_longest(
    rate: float, devices: int, models: int
) -> None:
    rest, messages, rows = settled(rate, devices, models)
    assert rest == LONGEST_REST_S or not is_wide(messages, rows - 1)


@given(st.lists(st.tuples(st.integers(0, 100_000), st.integers(0, 100_000), st.floats(0, 10)), max_size=20))
def test_a_rest_is_never_outside_its_bounds(turns: list[tuple[int, int, float]]) -> None:
    pace = Pace()
    for messages, moved, seconds in turns:
        assert REST_S <= pace.rest_s(messages, moved, seconds) <= LONGEST_REST_S


def test_what_has_piled_up_for_a_moment_does_not_make_its_worker_wait_for_more() -> None:
    pace = Pace()
    for _ in range(100):
        assert pace.rest_s(150, 10, 0.05) == REST_S
    assert pace.rest_s(1_500, 10, 0.05) == REST_S


@pytest.mark.parametrize(("devices", "transactions"), [(1, 7), (200, 3)])
def test_a_transaction_takes_more_where_it_is_of_many_devices(worker: Worker, devices: int, transactions: int) -> None:
    now, entries, each = time.time(), CHUNK + WIDE_CHUNK + 20, 40
    for number in range(entries):
        worker.receive(
            *(
                (f"vehicles/vehicle_{place % devices:03}/telemetry", {"timestamp": now, "seq": place, "speed": 50})
                for place in range(each * number, each * (number + 1))
            )
        )
    worker.work()
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT xmin::text) FROM validation_ledgerentry")
        assert cursor.fetchone() == (entries, transactions)
    assert worker.audit().balanced
