"""Memory that grows is told from memory that is only large, or new."""

from __future__ import annotations

import pytest

from tests.chaos.memory import Sample, grown


def life(first_mb: float, mb_per_minute: float, minutes: float = 3) -> list[Sample]:
    return [(second, first_mb + mb_per_minute * second / 60) for second in range(0, int(60 * minutes), 2)]


@pytest.mark.parametrize("slope", [0.0, -1.0, 5.0])
def test_the_slope_is_that_within_each_life(slope: float) -> None:
    found = grown("bridge-0", [life(100, slope), life(80, slope), life(120, slope)])
    assert found.slope == pytest.approx(slope)
    assert found.is_flat == (slope < 2)
    assert found.lives == 3
    assert found.most_mb == pytest.approx(120 + 3 * max(slope, 0), abs=0.2)


def test_what_a_process_takes_while_it_starts_is_no_growth() -> None:
    starting: list[Sample] = [(second, 10.0 * second) for second in range(30)]
    assert grown("site", [[*starting, *((30.0 + second, 300.0) for second in range(200))]]).is_flat


def test_nothing_is_said_about_a_process_that_never_lived_for_long() -> None:
    found = grown("site", [life(100, 50, minutes=1), life(100, 50, minutes=1)])
    assert found.is_flat
    assert "too short" in str(found)
