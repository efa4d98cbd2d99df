"""The last words of a run."""

from __future__ import annotations

import json

import pytest

from simulators.counts import Counts
from simulators.fleet import Ending, Outcome
from simulators.summary import as_json, as_table, exit_code

GOOD = Counts(made=5, sent=5, acknowledged=5, connections=1)
LEFT = Counts(made=5, sent=2, acknowledged=2, queued=3, connections=1)


def outcome(*counts: Counts, ending: Ending = Ending.FINISHED, connected: bool = True) -> Outcome:
    return Outcome({f"vehicle_{n:02d}": each for n, each in enumerate(counts, 1)}, ending, connected, 1.5)


@pytest.mark.parametrize(
    ("result", "code"),
    [
        (outcome(GOOD), 0),
        (outcome(GOOD, LEFT), 1),
        (outcome(Counts(made=5, acknowledged=4, dropped=1)), 1),
        (outcome(Counts(made=5, acknowledged=4, set_aside=1)), 1),
        (outcome(LEFT, connected=False), 3),
        (outcome(LEFT, ending=Ending.TERMINATED, connected=False), 0),
        (outcome(GOOD, ending=Ending.FAILED), 1),
        (outcome(GOOD, ending=Ending.INTERRUPTED), 130),
        (outcome(LEFT, ending=Ending.FORCED), 130),
    ],
)
def test_the_exit_code_tells_how_the_run_ended(result: Outcome, code: int) -> None:
    assert exit_code(result) == code


def test_the_json_summary_has_every_device_and_the_total() -> None:
    summary = json.loads(as_json(outcome(GOOD, LEFT)))
    assert summary["devices"]["vehicle_02"]["queued"] == 3
    assert summary["total"]["sent"] == 7
    assert summary["total"]["acknowledged"] == 7
    assert (summary["ending"], summary["connected"], summary["seconds"]) == ("finished", True, 1.5)


def test_the_table_has_a_line_for_each_device_and_one_for_all() -> None:
    lines = as_table(outcome(GOOD, LEFT)).splitlines()
    assert lines[0].split() == ["device", "made", "sent", "acknowledged", "queued", "dropped", "refused"]
    assert lines[2].split() == ["vehicle_02", "5", "2", "2", "3", "0", "0"]
    assert lines[3].split() == ["all", "2", "10", "7", "7", "3", "0", "0"]
    assert len({len(line) for line in lines}) == 1


def test_of_a_thousand_devices_only_those_that_need_attention_are_listed() -> None:
    text = as_table(outcome(*[GOOD] * 500, LEFT, *[GOOD] * 499))
    assert [line.split()[0] for line in text.splitlines()] == ["device", "vehicle_501", "all"]
