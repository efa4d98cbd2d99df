"""What holds when parts of a running stack are killed in the middle of a load.

Every reading has a number and values that follow from it, so afterwards the table is compared with what was sent:
whatever the broker has acknowledged must be there exactly once, as it was sent, and the books must balance.
"""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable

import pytest
import redis

from ingest.ring import STREAM
from tests.oracle import Load
from tests.project import eventually
from tests.stack import RunningStack
from tests.visitor import Program

COMPLETE_S = 90.0  # a dead worker's entries are taken over after fifteen seconds


def kill_bridge(stack: RunningStack) -> str:
    stack.kill("bridge")
    return "bridge-0"


def kill_worker(stack: RunningStack) -> str:
    victim = stack.processes("workers")[0]
    name = next(argument for argument in victim.cmdline() if argument.startswith("worker-"))
    victim.kill()
    return name.partition("@")[0]


def kill_buffer(stack: RunningStack) -> str:
    stack.server_of(stack.settings["BUFFER_URLS"].split(",")[0]).kill()
    return "buffer-1"


KILLS = (kill_bridge, kill_worker, kill_buffer)


def kill_and_wait(stack: RunningStack, kill: Callable[[RunningStack], str]) -> None:
    """Kill something and wait until `up` has started it again."""
    before = {name: stack.restarts(name) for name in ("bridge-0", "worker-0", "worker-1", "buffer-1")}
    name = kill(stack)
    eventually(lambda: stack.restarts(name) == before[name] + 1, f"{name} is started again")


def wait_until_complete(stack: RunningStack, load: Load) -> None:
    """Wait until every reading of the load is in the table, and fail with what is wrong if that does not happen."""
    deadline = time.monotonic() + COMPLETE_S
    while True:
        with stack.database() as database:
            faults = load.faults(database)
        if not faults or time.monotonic() > deadline:
            break
        time.sleep(0.5)
    assert faults == {}, f"{faults} of {load.count}\n{stack.log[-8000:]}"


def test_what_was_acknowledged_is_stored_once_when_bridge_worker_and_buffer_are_killed(stack: RunningStack) -> None:
    load = Load(stack, "killed_", count=30_000, rate=4_000)
    for kill in KILLS:
        time.sleep(1.0)
        kill_and_wait(stack, kill)
    assert load.acknowledged() == load.count
    wait_until_complete(stack, load)
    assert stack.audit()["stored"] >= load.count
    assert len(stack.processes("workers")) == 2


@pytest.mark.chaos
def test_what_was_acknowledged_is_stored_once_through_many_kills_in_a_row(stack: RunningStack) -> None:
    seed = time.time_ns()
    print(f"seed {seed}")
    chance = random.Random(seed)
    load = Load(stack, "chaos_", count=200_000, rate=5_000)
    while not load.is_over:
        time.sleep(chance.uniform(0.5, 4.0))
        kill_and_wait(stack, chance.choice(KILLS))
    assert load.acknowledged() == load.count
    wait_until_complete(stack, load)
    assert stack.audit()["stored"] >= load.count


def test_the_comparison_notices_a_row_that_is_lost_doubled_changed_or_made_up(stack: RunningStack) -> None:
    load = Load(stack, "control_", count=1_000)
    assert load.acknowledged() == load.count
    wait_until_complete(stack, load)
    one = "device_id = (SELECT id FROM ingest_device WHERE name = 'control_01') AND seq = 501"
    columns = "device_id, version, received_at, speed, heading"
    for change, fault in (
        (f"DELETE FROM telemetry.vehicle WHERE {one}", "missing"),
        (f"UPDATE telemetry.vehicle SET speed = speed + 1 WHERE {one}", "changed on the way"),
        (f"UPDATE telemetry.vehicle SET seq = 100000 WHERE {one}", "never sent"),
        (
            f"INSERT INTO telemetry.vehicle (ts, seq, {columns}) "
            f"SELECT ts + interval '1 ms', seq, {columns} FROM telemetry.vehicle WHERE {one}",
            "more than once",
        ),
    ):
        with stack.database() as database:  # which takes the change back
            assert database.execute(change).rowcount == 1
            assert load.faults(database)[fault] == 1


def test_the_audit_notices_an_entry_that_vanishes_from_a_buffer(stack: RunningStack, api: Program) -> None:
    workers = stack.processes("workers")
    url = stack.settings["BUFFER_URLS"].split(",")[0]
    with redis.Redis.from_url(url) as buffer:
        for worker in workers:
            worker.send_signal(signal.SIGSTOP)
        try:
            eventually(lambda: int(buffer.xlen(STREAM)) > 2, "entries wait in the buffer")
            name, fields = buffer.xrevrange(STREAM, count=1)[0]
            buffer.xdel(STREAM, name)
            books = stack.json("audit", code=1)
            assert books["balanced"] is False
            found = books["stored"] + books["duplicate"] + books["quarantined"] + books["in_flight"]
            assert books["received"] - found == int(fields[b"n"])
            buffer.xadd(STREAM, fields)
        finally:
            for worker in workers:
                worker.send_signal(signal.SIGCONT)
    stack.audit()


def test_health_says_that_a_part_is_away_and_that_it_is_back(stack: RunningStack) -> None:
    buffer = stack.server_of(stack.settings["BUFFER_URLS"].split(",")[1])
    buffer.send_signal(signal.SIGSTOP)
    try:
        eventually(lambda: not stack.answers("/readyz"), "the site says that it is not ready", 15)
        assert stack.answers("/healthz")
        silent = stack.json("services", code=3)["buffers"][1]
        assert silent["answers"] is False
    finally:
        buffer.send_signal(signal.SIGCONT)
    eventually(lambda: stack.answers("/readyz"), "the site is ready again", 15)
