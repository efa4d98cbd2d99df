"""What the bridge says about itself, and how often."""

from __future__ import annotations

import logging

import pytest

from ingest.bridge.counters import Counters
from ingest.bridge.report import EVERY_S, Report


def test_a_line_is_written_when_something_changed_and_not_too_often(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    counters = Counters()
    report = Report(counters)
    report.progress(0, "1 of 1 slots connected", "2 buffers in use")
    assert caplog.messages == [], "nothing has changed"
    counters.received, counters.appended, counters.batches, counters.acked = 5, 5, 1, 4
    for now in (0.1, 1, EVERY_S, EVERY_S + 1):
        report.progress(now, "1 of 1 slots connected", "2 buffers in use")
    assert caplog.messages == [
        "5 messages received, 5 in buffers (1 batches), 4 acknowledged; 1 of 1 slots connected; 2 buffers in use"
    ]
    counters.received = 6
    report.progress(EVERY_S + 2, "1 of 1 slots connected", "2 buffers in use")
    assert len(caplog.messages) == 2


def test_what_happens_seldom_is_named_only_when_it_happened() -> None:
    counters = Counters(received=3, unpromised=1, platform=2, stale=4, failed=5)
    summary = Report(counters).summary()
    assert "1 of QoS 0" in summary
    assert "2 on platform topics passed over" in summary
    assert "4 to be sent again by the broker" in summary
    assert "5 given up because of an error" in summary
    assert "QoS 0" not in Report(Counters(received=3)).summary()


def test_an_outage_is_reported_at_once_then_every_ten_seconds_and_at_its_end(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    counters = Counters(received=10, appended=4)
    report = Report(counters)
    report.flowing(99)
    for now in (100.0, 100.25, 105.0, 110.5, 112.0):
        report.holding(now, ConnectionError("all down"))
    report.flowing(113)
    report.flowing(114)
    assert caplog.messages == [
        "no buffer takes batches, for 0 s now; 6 messages wait here unacknowledged, the rest at the broker. all down",
        "no buffer takes batches, for 10 s now; 6 messages wait here unacknowledged, the rest at the broker. all down",
        "a buffer takes batches again, after 13.0 s",
    ]
