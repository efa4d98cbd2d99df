"""Six of the faults, one of each family, short and with a small load; `make chaos` runs all of them in full."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos import families, table
from tests.chaos.ground import Ground
from tests.chaos.registry import chosen
from tests.chaos.run import Trial
from tests.debian import missing_programs

assert families
SIX = ("F1", "F7-bridge", "F8", "F17-worker-buffers-cut", "F18-puback", "F22")
RATE = 300.0


@pytest.fixture(scope="module")
def ground(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    if missing := missing_programs():
        pytest.skip(f"not installed: {', '.join(missing)} (apt-get install postgresql redis-server mosquitto)")
    with Ground(project, tmp_path_factory.mktemp("chaos")) as ground:
        yield ground
        ground.stack.audit()


@pytest.mark.parametrize("name", SIX)
def test_nothing_is_lost_doubled_or_left_over_after(name: str, ground: Ground) -> None:
    fault = next(fault for fault in chosen([name]) if fault.id == name)
    row = Trial(ground, fault, rate=RATE, seed=name, small=True).run()
    print(table.line(row))
    assert row.complaints == [], ground.stack.log[-8000:]
    assert row.verdict == "ok"
    assert row.acknowledged == row.sent > RATE
