"""What the embedded broker loses when it is killed: what it has acknowledged and not handed on, and nothing else."""

from __future__ import annotations

import signal
import time
from collections.abc import Sequence
from pathlib import Path

from tests.oracle import Arrival, arrivals
from tests.stack import RunningStack
from tests.test_outage import SETTLED_S, left_in, measure, wait_for_quiet


def test_the_embedded_broker_loses_at_most_what_it_had_acknowledged_and_not_handed_on(
    stack: RunningStack, tmp_path: Path
) -> None:
    run = measure(stack, tmp_path, seconds=9)
    time.sleep(1.5)
    bridge, broker = stack.processes("bridge")[0], stack.processes("broker")[0]
    # The bridge stands still, so that the broker has something to lose.
    halted = time.time()
    bridge.send_signal(signal.SIGSTOP)
    time.sleep(3)
    # Then the broker stands still, so that the outboxes hold exactly what it has not acknowledged.
    broker.send_signal(signal.SIGSTOP)
    time.sleep(SETTLED_S)
    unacknowledged = left_in(run.outbox)
    broker.kill()
    bridge.send_signal(signal.SIGCONT)
    counts = run.finish()
    wait_for_quiet(stack)
    found = arrivals(stack, run.began)
    losses = {device: losses_of(found[device], count["made"]) for device, count in counts.items()}
    print(f"lost {sum(map(len, losses.values()))} of {sum(count['made'] for count in counts.values())}")
    for device, lost in losses.items():
        handed_on = [reading.seq for reading in found[device] if reading.ts < halted - 1]
        assert handed_on, "the bridge was to have had something before"
        assert unacknowledged[device], "every device was to have something unacknowledged"
        assert all(max(handed_on) < seq < min(unacknowledged[device]) for seq in lost), (handed_on, unacknowledged)
    stack.audit()


def losses_of(readings: Sequence[Arrival], made: int) -> set[int]:
    """Return the numbers of a device's readings that are not there; fail when one is there twice."""
    numbers = [reading.seq for reading in readings]
    assert len(numbers) == len(set(numbers))
    return set(range(1, made + 1)) - set(numbers)
