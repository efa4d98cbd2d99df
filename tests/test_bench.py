"""The benchmarks drive a running stack; here they are so small that their figures mean nothing."""

from __future__ import annotations

from tests.stack import RunningStack


def test_latency_sees_every_reading_of_the_probe_as_a_row_and_in_frames(stack: RunningStack) -> None:
    found = stack.json("bench", "latency", "--rate", "200", "--seconds", "3")
    assert found["row"]["count"] == found["probe_readings"] > 20
    for name, most_ms in (("frame_1000", 10_000), ("frame_100", 5_000)):
        assert found[name]["count"] > 0.5 * found["probe_readings"]
        assert 0 < found["row"]["p50_ms"] < found[name]["p99_ms"] < most_ms
    assert found["frame_100"]["p50_ms"] < found["frame_1000"]["p50_ms"]
    assert found["ledger"]["balanced"] is True


def test_fanout_counts_the_frames_of_all_sockets_and_leaves_no_token(stack: RunningStack) -> None:
    found = stack.json("bench", "fanout", "--rate", "200", "--seconds", "2", "--sockets", "20")
    assert (found["frames"]["open"], found["frames"]["closed"]) == (20, 0)
    assert found["frames"]["late"]["count"] == found["frames"]["frames"] >= 20
    assert found["never_read"]["readers"] == 10
    assert found["ingest"]["per_second"] > 0
    assert found["ledger"]["balanced"] is True
    assert stack.query("SELECT count(*) FROM auth_user WHERE username = 'bench'") == [(0,)]
