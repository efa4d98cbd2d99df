"""Faults of the data: clocks that are wrong, readings again and out of order, and what is no reading at all."""

from __future__ import annotations

import json
import struct
import time
from collections.abc import Sequence

from tests.chaos.poison import POISON, READINGS
from tests.chaos.registry import fault
from tests.chaos.scene import Scene
from tests.chaos.wire import publish, publish_packet, reaction
from tests.project import eventually

HOUR, DAY, YEAR = 3_600, 86_400, 365 * 86_400
SETTLE_S = 60.0


def reading(ts: float, seq: int, **more: object) -> bytes:
    """Return the payload of a good reading."""
    return json.dumps({"timestamp": ts, "seq": seq, "speed": seq % 200, **more}).encode()


def topic_of(device: str) -> bytes:
    """Return the topic on which a device publishes."""
    return f"vehicles/{device}/telemetry".encode()


def outcomes(scene: Scene, device: str) -> tuple[int, int]:
    """Return how many readings of a device are stored and how many messages on its topic are in quarantine."""
    ((stored, refused),) = scene.stack.query(
        "SELECT (SELECT count(*) FROM telemetry.vehicle JOIN ingest_device ON ingest_device.id = device_id "
        "WHERE name = %s), (SELECT count(*) FROM validation_quarantined WHERE topic = %s)",
        device,
        topic_of(device).decode(),
    )
    return int(stored), int(refused)


def send_and_expect(scene: Scene, device: str, payloads: Sequence[bytes], stored: int, refused: int) -> None:
    """Publish payloads as a device, and see what they come to."""
    publish(scene.ground.devices, [(topic_of(device), payload) for payload in payloads])
    wanted = stored, refused
    try:
        eventually(lambda: outcomes(scene, device) == wanted, "", SETTLE_S)
    except AssertionError:
        found = outcomes(scene, device)
        scene.complaints.append(f"{device}: {found[0]} stored and {found[1]} refused instead of {stored} and {refused}")


@fault("F20-device", "devices whose clocks are an hour ahead, an hour behind and ten years ahead")
def wrong_clocks_of_devices(scene: Scene) -> None:
    now = time.time()
    for name, offset, good in (("ahead", HOUR, False), ("behind", -HOUR, True), ("far", 10 * YEAR, False)):
        payloads = [reading(now + offset - number, number) for number in range(100)]
        send_and_expect(scene, scene.device(name), payloads, 100 * good, 100 * (not good))


@fault("F20-server", "the clocks of our processes step back by five minutes")
def wrong_clock_of_server(scene: Scene) -> None:
    names = [name for kind in ("bridge", "worker", "scheduler") for name in scene.ground.names(kind)]
    clock = scene.ground.folder / "clock"
    scene.begin()
    for offset in ("-300", None):
        if offset is None:
            clock.unlink()
        else:
            clock.write_text(offset)
        for name in names:
            scene.ground.signal(name)
        scene.measure("flow with another clock", scene.flows(), 30.0, since=time.monotonic())
        scene.hold(10, 1)


@fault("F21", "every reading twice and out of order, late by 30 days, of the future, of 1970, in ms and µs")
def old_and_again(scene: Scene) -> None:
    now, device = time.time(), scene.device("again")
    good = [reading(now - scene.chance.uniform(0, HOUR), number) for number in range(500)]
    good += [reading(now - 30 * DAY - number, 500 + number) for number in range(100)]
    bad = [reading(ts, number) for number, ts in enumerate((now + DAY, 0, now * 1e3, now * 1e6, -1, 1e18))]
    payloads = [*good, *good, *bad]
    scene.chance.shuffle(payloads)
    send_and_expect(scene, device, payloads, len(good), len(bad))


@fault("F22", "poison among good readings: no JSON, no numbers, too deep, too large, and more")
def poison(scene: Scene) -> None:
    devices = {name: scene.device(name) for name in POISON}
    before = worker_seconds(scene)
    workers = [scene.ground.process(name) for name in scene.ground.names("worker")]
    publish(scene.ground.devices, [(topic_of(device), POISON[name]) for name, device in devices.items()])

    def wrong() -> list[str]:
        counts = {name: sum(outcomes(scene, device)) for name, device in devices.items()}
        return [name for name, count in counts.items() if count != READINGS.get(name, 1)]

    while wrong() and time.monotonic() - scene.began < SETTLE_S:
        time.sleep(0.2)
    scene.expect(not wrong(), f"neither stored nor refused exactly once: {', '.join(wrong())}")
    used = (worker_seconds(scene) - before) / len(POISON)
    scene.note(f"{len(POISON)} kinds, {1000 * used:.0f} ms of the workers each, with the load")
    accepted = [name for name, device in devices.items() if outcomes(scene, device)[0]]
    scene.note(f"accepted: {', '.join(accepted) or 'none'}")
    scene.expect(workers == [scene.ground.process(name) for name in scene.ground.names("worker")], "a worker died")


def worker_seconds(scene: Scene) -> float:
    """Return the processor seconds that the workers have used."""
    times = [process.cpu_times() for process in scene.stack.processes("workers")]
    return sum(one.user + one.system for one in times)


@fault("F23", "packets that break the rules: topics with wildcards, U+0000 or bad UTF-8, of 65,535 bytes, 20 MB")
def broken_packets(scene: Scene) -> None:
    good = reading(time.time(), 1)
    packets = {
        "wildcard": publish_packet(b"vehicles/#/telemetry", good, 1),
        "NUL": publish_packet(b"vehicles/a\0b/telemetry", good, 1),
        "bad UTF-8": publish_packet(b"vehicles/\xff\xfe/telemetry", good, 1),
        "$SYS": publish_packet(b"$SYS/broker/uptime", good, 1),
        "empty topic": publish_packet(b"", good, 1),
        "long topic": publish_packet(b"v" * 65_535, good, 1),
        "20 MB": publish_packet(topic_of(scene.device("large")), b" " * 20_000_000, 1),
        "no packet": b"\xff\xff\xff\xff\xff",
        "half a packet": struct.pack("!BB", 0x32, 100) + b"short",
    }
    for name, packet in packets.items():
        answer = reaction(scene.ground.devices, packet)
        scene.note(f"{name}: {answer}")
        # The bridge would never see it, so nobody may be told that it has arrived.
        scene.expect(name != "20 MB" or answer != "acknowledged", "a packet that is too large was acknowledged")
        scene.measure(f"flow after {name}", scene.flows(), 10.0, since=time.monotonic())
    scene.measures.clear()
    send_and_expect(scene, scene.device("unknown"), [good], 1, 0)


@fault("F24", "a message that kills the worker that judges it", drained_s=180.0)
def deadly_message(scene: Scene) -> None:
    device = scene.device("deadly")
    scene.begin()
    publish(scene.ground.devices, [(topic_of(device), reading(time.time(), 1, note="kills the worker"))])
    scene.measure("in quarantine", lambda: outcomes(scene, device)[1] == 1, 120.0)
