"""Several bridges, in processes of their own, on Debian's Mosquitto: joining, leaving, dying, standing still, cut off.

Under all of it a publisher sends numbers, and afterwards every number that the broker has acknowledged must be in a
buffer. What is there twice was taken by one bridge and sent again to another; the store keeps one of the two.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ingest.bridges import bridges
from ingest.models import BridgeSlot
from ingest.names import session_name
from ingest.tests.bridges import Bench
from ingest.tests.relay import Relay
from ingest.tests.running import BridgeProcess, database_url, until
from ingest.tests.servers import Mosquitto, Valkey, needs_mosquitto, payloads_in
from ingest.tests.stream import Stream

pytestmark = [needs_mosquitto, pytest.mark.django_db(transaction=True)]

SLOTS = set(range(8))
LEASE_S = 5  # half the usual time, because every second of these tests is waited for
ADOPTION_S, LEADER_S = 1.5 * LEASE_S, 10.0  # what is promised
UNREACHED_S = 15.0  # the same, of a bridge that lives and cannot reach the broker


class Together:
    """A broker, two buffers, and bridges that know nothing of each other but what the database says."""

    def __init__(self, mosquitto: Mosquitto, pair: tuple[Valkey, Valkey], folder: Path) -> None:
        self.bench = Bench(mosquitto.url, shared=True)
        self.buffers = [server.url for server in pair]
        self.folder, self.bridges, self.relays = folder, list[BridgeProcess](), list[Relay]()

    def bridge(self, name: str, **settings: object) -> BridgeProcess:
        """Return a bridge that is not started; settings in lower case are the test's own."""
        given = self.bench.environment | {"BUFFER_URLS": ",".join(self.buffers)}
        given |= {"BRIDGE_LEASE_SECONDS": str(LEASE_S)}
        given |= {name: str(value) for name, value in settings.items()}
        self.bridges.append(BridgeProcess(name, self.folder / f"{name}.log", given))
        return self.bridges[-1]

    def relay_to(self, url: str) -> tuple[Relay, str]:
        """Return a relay to a server, and the server's address through it."""
        parts = urlsplit(url)
        relay = Relay(parts.hostname or "", parts.port or 0)
        self.relays.append(relay)
        login = parts.netloc.rpartition("@")[0]
        return relay, parts._replace(netloc=f"{login}{'@' * bool(login)}127.0.0.1:{relay.port}").geturl()

    def spread_over(self, *bridges: BridgeProcess, seconds: float = 40) -> float:
        """Wait until these bridges hold all slots, evenly; return how long that took."""

        def is_spread() -> bool:
            held = [bridge.held for bridge in bridges]
            counts = sorted(map(len, held))
            return set().union(*held) == SLOTS and sum(counts) == len(SLOTS) and counts[-1] - counts[0] <= 1

        return until(is_spread, *(bridge.log for bridge in bridges), seconds=seconds)

    def arrived(self, stream: Stream) -> int:
        """Wait until everything that was acknowledged is in a buffer; return how many are there more than once."""
        logs = [bridge.log for bridge in self.bridges]
        until(lambda: stream.acknowledged <= set(self.found(stream)), *logs)
        found = self.found(stream)
        assert set(found) == stream.acknowledged
        return len(found) - len(set(found))

    def found(self, stream: Stream) -> list[bytes]:
        """Return what is in the buffers of a stream."""
        return [payload for payload in payloads_in(*self.buffers) if payload.startswith(stream.word + b" ")]

    def leave_session(self, number: int) -> bool:
        """Connect and leave as a slot, subscribed; return whether the broker had kept a session."""
        present: list[bool] = []
        client = paho.Client(CallbackAPIVersion.VERSION2, session_name(self.bench.name, number), protocol=paho.MQTTv5)
        client.on_connect = lambda client, data, flags, reason, properties: present.append(flags.session_present)
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = 3600
        client.connect(self.bench.broker.host, self.bench.broker.port, clean_start=False, properties=properties)
        while not present:
            client.loop(0.1)
        client.subscribe(f"$share/{self.bench.name}/{self.bench.name}/#", 1)
        for _ in range(3):
            client.loop(0.05)
        client.disconnect()
        return present[0]

    def close(self) -> None:
        for bridge in self.bridges:
            bridge.close()
        for relay in self.relays:
            relay.close()


@pytest.fixture
def together(
    mosquitto: Mosquitto, pair: tuple[Valkey, Valkey], tmp_path: Path, transactional_db: None
) -> Iterator[Together]:
    together = Together(mosquitto, pair, tmp_path)
    yield together
    together.close()


def leader() -> str:
    """Return the name of the bridge that leads, if one does."""
    return next((bridge.name for bridge in bridges() if bridge.leader), "")


def test_slots_follow_bridges_that_join_die_stand_still_and_leave(together: Together) -> None:
    broker = f"mqtt://{together.bench.broker.host}:{together.bench.broker.port}"
    (relay_1, url_1), (relay_2, url_2) = together.relay_to(broker), together.relay_to(broker)
    one, two = together.bridge("one", MQTT_URL=url_1), together.bridge("two", MQTT_URL=url_2)
    three = together.bridge("three")
    for bridge in (one, two):
        bridge.spawn()
    together.spread_over(one, two)

    with Stream(together.bench, "joins") as joins:
        three.spawn()
        until(lambda: "3 bridges live" in three.text, three.log)
        print(f"a third joined: spread after {together.spread_over(one, two, three):.1f} s")
    assert together.arrived(joins) == 0, "what is given back in order comes once"

    with Stream(together.bench, "killed") as killed:
        three.end(signal.SIGKILL)
        print(f"one was killed: adopted on the same machine after {together.spread_over(one, two):.1f} s")
    print(f"{together.arrived(killed)} messages were taken by both")

    still, other, relay = (one, two, relay_1) if leader() == "one" else (two, one, relay_2)
    with Stream(together.bench, "still") as stream:
        stopped = time.monotonic()
        relay.freeze()
        still.send(signal.SIGSTOP)
        led = until(lambda: leader() == other.name, other.log)
        together.spread_over(other)
        adopted = time.monotonic() - stopped
        before = {id(link): len(link.sent) for link in relay.links}
        still.send(signal.SIGCONT)
        until(lambda: "stood still" in still.text, still.log)
        time.sleep(1)
        after = {id(link): len(link.sent) for link in relay.links if id(link) in before}
        relay.heal()
        together.spread_over(one, two)
    print(f"one stood still: another leads after {led:.1f} s, and has its slots after {adopted:.1f} s")
    assert led < LEADER_S
    assert adopted < ADOPTION_S
    assert before == after, "whoever stood still may not acknowledge anything afterwards"
    print(f"{together.arrived(stream)} messages were taken by both")

    with Stream(together.bench, "leaves") as leaves:
        assert one.end(signal.SIGTERM) == 0
        print(f"one left: its slots are taken after {together.spread_over(two):.1f} s")
    assert together.arrived(leaves) == 0


def test_a_bridge_cut_off_from_the_database_is_replaced_and_when_all_are_ingest_goes_on(together: Together) -> None:
    relays, bridges = [], []
    for name in ("one", "two"):
        relay, url = together.relay_to(database_url())
        relays.append(relay)
        bridges.append(together.bridge(name, DATABASE_URL=url))
    one, two = bridges
    relays[0].cut()
    for bridge in bridges:
        bridge.spawn()
    one.has_said("the database does not say which slots this bridge has; it waits")
    assert "connected to mqtt" not in one.text
    together.spread_over(two)
    relays[0].heal()
    together.spread_over(one, two)

    with Stream(together.bench, "one") as cut_off:
        relays[0].cut()
        print(f"one was cut off from the database: adopted after {together.spread_over(two):.1f} s")
        one.has_said(": let go", times=4)
        relays[0].heal()
        together.spread_over(one, two)
    print(f"{together.arrived(cut_off)} messages were taken by both")

    with Stream(together.bench, "all") as away:
        for relay in relays:
            relay.cut()
        time.sleep(1.3 * LEASE_S)
        without = len(together.found(away))
        for relay in relays:
            relay.heal()
        one.has_said("the database answers again", times=3)
        two.has_said("the database answers again")
        together.spread_over(one, two)
    print(f"{without} messages came in while the database was away")
    assert without > 400 * LEASE_S
    assert together.arrived(away) == 0, "nobody has taken over anything"
    assert (one.text.count(": let go"), two.text.count(": let go")) == (4, 0)


def test_sessions_that_are_not_wanted_are_emptied_and_ended_and_a_bridge_stands_by_for_the_last(
    together: Together,
) -> None:
    for number in range(3):
        together.leave_session(number)
        BridgeSlot.objects.create(client_id=session_name(together.bench.name, number), number=number)
    with Stream(together.bench, "waiting", rate=3000) as waiting:
        time.sleep(0.5)
    pair = [together.bridge(name, MQTT_SHARED="false") for name in ("one", "two")]
    for bridge in pair:
        bridge.spawn()
    for bridge in pair:
        bridge.has_said("2 bridges live")
    until(lambda: BridgeSlot.objects.count() == 1, *(bridge.log for bridge in pair))
    assert together.arrived(waiting) == 0
    assert [together.leave_session(number) for number in (1, 2)] == [False, False]

    works, stands_by = pair if pair[0].held == {0} else reversed(pair)
    with Stream(together.bench, "plain") as plain:
        works.end(signal.SIGKILL)
        print(f"one was killed: replaced after {until(lambda: stands_by.held == {0}, stands_by.log):.1f} s")
    print(f"{together.arrived(plain)} messages were taken by both")


@pytest.mark.chaos  # twenty seconds of waiting for patience to end
def test_a_bridge_that_cannot_reach_the_broker_leaves_its_slots_to_one_that_can(together: Together) -> None:
    broker = f"mqtt://{together.bench.broker.host}:{together.bench.broker.port}"
    relay, url = together.relay_to(broker)
    one, two = together.bridge("one", MQTT_URL=url), together.bridge("two")
    for bridge in (one, two):
        bridge.spawn()
    together.spread_over(one, two)
    with Stream(together.bench, "cut") as cut_off:
        relay.cut()
        replaced = together.spread_over(two)
        assert one.held == set()
        relay.heal()
        print(f"one was cut off from the broker: replaced after {replaced:.1f} s")
        assert replaced < UNREACHED_S
        one.has_said("does not reach the broker; its slots are free for bridges that do")
        one.has_said("reaches broker and buffers again")
        together.spread_over(one, two)
    print(f"{together.arrived(cut_off)} messages were taken by both")
