"""Findings become events, and sentences."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone

import numpy as np
import pytest

from insights.detection.absence import missing
from insights.detection.events import events
from insights.detection.peers import unlike_peers
from insights.detection.verdict import Kind, Verdict
from insights.detection.words import sentence

MORNING = 1795257720.0  # 2026-11-21 10:42 UTC


def spike(at: float, score: float = 0.6) -> Verdict:
    return Verdict(at, Kind.SPIKE, score, 143.0, 40.2, 95.1)


def test_consecutive_findings_are_one_event_with_its_peak() -> None:
    found = events([spike(0.0), spike(1.0, 0.9), spike(2.0), spike(600.0)], interval=1.0)
    assert [(event.start, event.end, event.findings) for event in found] == [(0.0, 2.0, 3), (600.0, 600.0, 1)]
    assert found[0].peak == spike(1.0, 0.9)


def test_a_clock_that_was_set_back_begins_another_event() -> None:
    assert len(events([spike(1000.0), spike(10.0)], interval=1.0)) == 2


def test_a_finding_is_worded_as_a_person_would_say_it() -> None:
    hourly = replace(spike(MORNING), hourly=True)
    assert sentence(hourly, "speed", "km/h") == "speed 143 km/h at 10:42, usually 40–95 at this hour"
    berlin = timezone(timedelta(hours=1))
    assert sentence(spike(MORNING), "speed", "km/h", berlin) == "speed 143 km/h at 11:42, usually 40–95"


@pytest.mark.parametrize(
    ("low", "high", "value", "said"),
    [
        (0.0101, 0.0203, 0.5, "x 0.500 at 10:42, usually 0.010–0.020"),
        (-5.2, 3.1, 20.0, "x 20.0 at 10:42, usually -5.2 to 3.1"),
        (7.0, 7.0, 9.0, "x 9.00 at 10:42, usually 7.00"),
        (-1e300, 1e300, 1e308, "x 1e+308 at 10:42, usually -1e+300 to 1e+300"),
    ],
)
def test_numbers_have_the_digits_that_matter(low: float, high: float, value: float, said: str) -> None:
    assert sentence(Verdict(MORNING, Kind.SPIKE, 0.9, value, low, high), "x") == said


def test_every_kind_has_a_sentence() -> None:
    for kind in Kind:
        assert "10:4" in sentence(Verdict(MORNING, kind, 0.9, 1.0, 0.0, 2.0), "level", "m")


def test_silence_is_a_finding_only_after_many_intervals() -> None:
    assert missing(0.0, 29.0, interval=1.0) is None
    assert missing(0.0, 3000.0, interval=600.0) is None
    found = missing(0.0, 60.0, interval=1.0)
    assert found is not None
    assert found.kind is Kind.MISSING
    assert found.score > 0.5


def test_a_device_unlike_its_peers_is_found_and_a_fleet_that_agrees_is_left_alone() -> None:
    values = np.array([20.0, 21.0, 19.5, 20.5, 20.2, 19.0, 21.5, 20.1, 80.0, np.nan])
    assert list(unlike_peers(np.zeros(10), values)) == [8]
    assert unlike_peers(np.zeros(10), np.array([0.0] * 9 + [1.0])) == {}
    assert unlike_peers(np.zeros(3), np.array([1.0, 2.0, 900.0])) == {}
