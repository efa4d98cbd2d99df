"""Missing sequence numbers: ranges within a run of a device, and nothing else."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ingest.models import Device
from validation import gaps
from validation.tables import ensure_partitions
from validation.tests.stored import insert, instant, publish_model

NOW = time.time()
START = NOW - 5_000


def numbered(device: str, numbers: list[int], *, order: list[int] | None = None) -> None:
    """Store readings with these numbers, a second apart in the order of the list, or at the seconds of `order`."""
    spec = publish_model()
    found, _ = Device.objects.get_or_create(name=device)
    seconds = order or list(range(len(numbers)))
    ensure_partitions(spec.name, {instant(START + second).date() for second in seconds})
    rows = [
        [instant(START + second), instant(NOW), number, found.pk, 1, 5.0]
        for number, second in zip(numbers, seconds, strict=True)
    ]
    insert(spec, ["ts", "received_at", "seq", "device_id", "version", "speed"], rows)


def ranges(**options: Any) -> list[tuple[str, int, int]]:
    return [(gap.device, gap.first, gap.last) for gap in gaps.find(**options).found]


RUNS = {
    "none": ([5, 6, 7, 8], []),
    "two": ([1, 2, 4, 5, 9], [(6, 8), (3, 3)]),
    "another order": ([4, 2, 3, 1], []),
    "restart": ([7, 8, 9, 1, 2, 3], []),
    "restart with gaps": ([7, 8, 10, 1, 2, 4], [(3, 3), (9, 9)]),
    "lost start": ([100, 101, 102, 3, 4, 5, 6, 7, 8], []),
    "a late one": ([100, 101, 60, 102, 103], [(61, 99)]),
    "none given": ([0, 0, 0], []),
    "equal ones": ([1, 2, 2, 4], [(3, 3)]),
}


@pytest.mark.parametrize(("numbers", "missing"), RUNS.values(), ids=RUNS.keys())
def test_gaps_are_ranges_of_a_run(transactional_db: None, numbers: list[int], missing: list[tuple[int, int]]) -> None:
    numbered("van_1", numbers)
    assert sorted(ranges()) == sorted(("van_1", first, last) for first, last in missing)


def test_a_clock_that_was_set_back_makes_no_gaps(transactional_db: None) -> None:
    numbers = list(range(1000, 1040))
    numbered("van_1", numbers, order=[n % 20 for n in range(40)])
    assert ranges() == []


def test_gaps_are_of_one_device_and_one_span(transactional_db: None) -> None:
    numbered("van_1", [1, 2, 5])
    numbered("van_2", [1, 9])
    assert ranges() == [("van_2", 2, 8), ("van_1", 3, 4)]
    assert ranges(device="van_1") == [("van_1", 3, 4)]
    assert ranges(start=instant(START + 1.5)) == [], "what came before the first number is not known"
    assert gaps.find().missing == 9
    assert ranges(model="boat") == []
