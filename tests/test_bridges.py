"""Several bridges on Debian's services, from device to table: they join, leave and are killed under load."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import pytest

from ingest.tests.relay import Relay
from ingest.tests.running import BridgeProcess
from ingest.tests.servers import received_by
from tests.debian import Debian, missing_programs
from tests.oracle import Load
from tests.project import eventually
from tests.stack import RunningStack
from tests.test_faults import wait_until_complete
from tests.test_outage import arrivals_of_all, left_in, measure

pytestmark = pytest.mark.chaos

ADOPTION_S, LEADER_S = 15.0, 10.0  # what is promised
SLOTS = 8
PATIENCE_S = 60.0  # for what is promised to nobody, on a busy machine
RATE = 1_500  # readings a second

HELD = """
SELECT bridge.name, bridge.pid, count(slot.client_id) FILTER (WHERE slot.expires_at > now())
FROM ingest_bridgeprocess AS bridge LEFT JOIN ingest_bridgeslot AS slot ON slot.bridge_id = bridge.id
WHERE bridge.expires_at > now() GROUP BY bridge.id
"""
LEADER = """
SELECT bridge.pid FROM ingest_leader AS leader JOIN ingest_bridgeprocess AS bridge ON bridge.id = holder
WHERE leader.name = 'bridges' AND leader.seen_at > now() - interval '6 s'
"""


class Held(NamedTuple):
    """How many slots a living bridge holds."""

    name: str
    pid: int
    slots: int


class Fleet:
    """A stack whose bridges share a subscription: the two that `up` runs, and others that join."""

    def __init__(self, stack: RunningStack, debian: Debian) -> None:
        self.stack, self.debian = stack, debian
        self.guests: dict[str, tuple[BridgeProcess, Relay]] = {}

    def prepare(self, name: str) -> None:
        """Start one more bridge that waits, because it cannot reach the database yet: it is to join in an instant."""
        where = urlsplit(self.stack.settings["DATABASE_URL"])
        door = Relay(where.hostname or "", where.port or 0)
        door.cut()
        login = where.netloc.rpartition("@")[0]
        settings = {"DATABASE_URL": where._replace(netloc=f"{login}@127.0.0.1:{door.port}").geturl()}
        environment = {**self.stack.environment, **self.stack.settings, **settings}
        guest = BridgeProcess(name, self.stack.folder / f"{name}.log", environment, self.stack.command("run_bridge"))
        self.guests[name] = (guest, door)
        guest.spawn()

    def join(self, name: str) -> BridgeProcess:
        """Let a bridge that waits join the others."""
        guest, door = self.guests[name]
        guest.has_said("; it waits")
        door.heal()
        return guest

    def held(self) -> list[Held]:
        """Return how many slots each living bridge holds."""
        return [Held(*row) for row in self.stack.query(HELD)]

    def leader(self) -> int:
        """Return the process id of the bridge that leads; 0 when nobody does."""
        return next((pid for (pid,) in self.stack.query(LEADER)), 0)

    def wait_until_spread(self, *counts: int) -> None:
        """Wait until as many bridges as there are counts live, and hold so many slots."""
        what = f"the slots are spread as {counts}"
        eventually(lambda: sorted(held.slots for held in self.held()) == sorted(counts), what, PATIENCE_S)

    def replaced(self, pid: int) -> tuple[float, float]:
        """Return how many seconds it takes until others lead, and hold all slots, in place of a bridge."""
        began, led, adopted = time.monotonic(), 0.0, 0.0
        while not (led and adopted):
            passed = time.monotonic() - began
            led = led or passed * (self.leader() not in (pid, 0))
            adopted = adopted or passed * (sum(held.slots for held in self.held() if held.pid != pid) == SLOTS)
            assert passed < PATIENCE_S, self.held()
            time.sleep(0.05)
        return led, adopted

    def follower(self) -> int:
        """Return the process id of a bridge that holds slots and does not lead."""
        leader = self.leader()
        return next(held.pid for held in self.held() if held.pid != leader and held.slots)

    def received(self) -> int:
        """Return how many messages the bridges have put into the buffers."""
        return received_by(*self.stack.settings["BUFFER_URLS"].split(","))

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the bridges that `up` runs."""
        for process in self.stack.processes("bridge"):
            process.send_signal(number)


@pytest.fixture(scope="module")
def fleet(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    if missing := missing_programs():
        pytest.skip(f"not installed: {', '.join(missing)}")
    folder = tmp_path_factory.mktemp("bridges")
    folder.chmod(0o755)
    (folder / "debian").mkdir(mode=0o755)
    with Debian(folder / "debian") as debian:
        options = ("--bridges", "2", "--workers", "2")
        given = debian.settings | {"MQTT_SHARED": "true"}
        stack = RunningStack(project, folder / "stack", simulate=0, given=given, options=options)
        fleet = Fleet(stack, debian)
        try:
            stack.start()
            for name in ("east", "west"):
                fleet.prepare(name)
            fleet.wait_until_spread(4, 4)
            yield fleet
        finally:
            for guest, door in fleet.guests.values():
                guest.close()
                door.close()
            stack.end()
            shutil.rmtree(stack.data_dir, ignore_errors=True)


def test_a_bridge_joins_and_leaves_under_load_and_nothing_is_lost_or_comes_twice(fleet: Fleet) -> None:
    before, received = fleet.stack.audit(), fleet.received()
    load = Load(fleet.stack, "joined_", count=8 * RATE, rate=RATE)
    eventually(lambda: fleet.received() > received, "the load comes in", PATIENCE_S)
    guest = fleet.join("east")
    fleet.wait_until_spread(2, 3, 3)
    assert guest.end(signal.SIGTERM) == 0
    fleet.wait_until_spread(4, 4)
    assert not load.is_over, "it was to be under load"
    assert load.acknowledged() == load.count
    wait_until_complete(fleet.stack, load)
    books = fleet.stack.audit()
    assert books["duplicate"] == before["duplicate"], "what is given back in order comes once"


def test_bridges_that_are_killed_are_replaced_in_time_and_everything_is_stored_once(fleet: Fleet) -> None:
    guest = fleet.join("west")
    fleet.wait_until_spread(2, 3, 3)
    received = fleet.received()
    load = Load(fleet.stack, "killed_", count=9 * RATE, rate=RATE)
    eventually(lambda: fleet.received() > received, "the load comes in", PATIENCE_S)
    for who in ("the leader", "a follower"):
        pid = fleet.leader() if who == "the leader" else fleet.follower()
        os.kill(pid, signal.SIGKILL)
        led, adopted = fleet.replaced(pid)
        print(f"{who} was killed: a living one leads after {led:.1f} s, and its slots are held after {adopted:.1f} s")
        assert led < LEADER_S
        assert adopted < ADOPTION_S
    assert load.acknowledged() == load.count
    wait_until_complete(fleet.stack, load)
    books = fleet.stack.audit()
    print(books)
    if guest.process is not None and guest.process.poll() is None:
        assert guest.end(signal.SIGTERM) == 0
    fleet.wait_until_spread(4, 4)


def test_devices_lose_nothing_when_mosquitto_restarts_and_forgets_shared_subscriptions(
    fleet: Fleet, tmp_path: Path
) -> None:
    run = measure(fleet.stack, tmp_path, 6)
    time.sleep(1)
    fleet.debian.mosquitto.stop()
    # The devices are to be back before anybody has subscribed again.
    fleet.send(signal.SIGSTOP)
    try:
        fleet.debian.mosquitto.start()
        eventually(lambda: "they wait here" in fleet.stack.spawn_log, "devices heard that nobody listens", PATIENCE_S)
    finally:
        fleet.send(signal.SIGCONT)
    counts = run.finish()
    print({name: sum(count[name] for count in counts.values()) for name in ("made", "refused", "resent", "dropped")})
    assert all(count["dropped"] == 0 for count in counts.values()), counts
    assert any(count["refused"] > 0 for count in counts.values()), counts
    assert left_in(run.outbox) == {device: [] for device in counts}
    found = arrivals_of_all(fleet.stack, run.began, counts)
    for device, count in counts.items():
        # Several sessions do not keep the order of arrival; what counts is that each reading is there once.
        assert sorted(reading.seq for reading in found[device]) == list(range(1, count["made"] + 1)), device
    print(fleet.stack.audit())
