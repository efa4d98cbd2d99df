"""Faults of the load: everybody at once, one who does not stop, and simulated devices that die."""

from __future__ import annotations

import json
import signal
import threading
import time

from tests.chaos.data import outcomes, reading, topic_of
from tests.chaos.fleet import Fleet
from tests.chaos.registry import fault
from tests.chaos.scene import Scene
from tests.chaos.wire import publish
from tests.oracle import arrivals, faults_of_arrivals
from tests.project import eventually
from tests.test_outage import left_in

SIMULATED = 5


@fault("F9", "kill -9 of simulated devices; started again with the same outboxes")
def kill_simulators(scene: Scene) -> None:
    outbox, began = scene.ground.folder / scene.device("outbox"), time.time()
    options = ["--profile", "sensor", "--devices", str(SIMULATED), "--rate", "10", "--outbox-dir", str(outbox)]
    connected = f"{SIMULATED} of {SIMULATED} devices connected"
    for number in range(3):
        last = number == 2
        process = scene.stack.spawn("simulate_devices", *options, *(["--duration", "5", "--json"] if last else []))
        eventually(lambda: connected in scene.stack.spawn_log, "the devices are connected", 60)
        if not last:
            time.sleep(scene.chance.uniform(1, 2))
            process.send_signal(signal.SIGKILL)
        out, _ = process.communicate(timeout=120)
    names = json.loads(out)["devices"]
    scene.expect(left_in(outbox) == {name: [] for name in names}, "O3: outboxes are not empty")
    eventually(lambda: not faults_of_simulated(scene, began), "", 30)


def faults_of_simulated(scene: Scene, since: float) -> list[str]:
    """Return what is wrong with the readings of simulated sensors since a time: a gap, one twice, none at all."""
    found = arrivals(scene.stack, since)
    faults = [f"{SIMULATED - len(found)} devices sent nothing"] if len(found) < SIMULATED else []
    for device, readings in found.items():
        faults += [f"{device}: {text}" for text in faults_of_arrivals(readings, max(one.seq for one in readings))]
    return faults


@fault("F32", "500 devices measure for a minute without a connection, and come back all at once", drained_s=90.0)
def herd(scene: Scene) -> None:
    count = 50 if scene.small else 500
    herd = Fleet(scene.ground.network.loop, scene.ground.devices, scene.device("h"), count, connections=count)
    herd.begin()
    eventually(lambda: herd.connects >= count, "all are connected", 60)
    herd.go_offline()
    scene.hold(60, 3)
    herd.stop_making()
    waiting = herd.left
    scene.begin()
    herd.go_online()
    try:
        scene.measure(f"{waiting} readings of {count} devices are acknowledged", lambda: not herd.left, 60.0)
        scene.measure("flow of the others", scene.flows(), 15.0, since=time.monotonic())
        scene.also.append(herd)
    finally:
        herd.close()


@fault("F33", "one device sends a hundred times as much as the others")
def noisy_device(scene: Scene) -> None:
    device, seconds = scene.device("noisy"), 2.0 if scene.small else 20.0
    count = int(100 * scene.fleet.rate / 10 * seconds)
    now = time.time()
    messages = [(topic_of(device), reading(now - count / 1000 + n / 1000, n)) for n in range(count)]
    thread = threading.Thread(target=publish, args=(scene.ground.devices, messages), name="noisy", daemon=True)
    scene.begin()
    thread.start()
    while thread.is_alive():
        scene.measure("flow beside it", scene.flows(), 5.0, since=time.monotonic())
        time.sleep(0.5)
    slowest = max(scene.measures, key=lambda measure: measure.seconds)
    scene.measures[:] = [slowest]
    eventually(lambda: sum(outcomes(scene, device)) == count, "all of the noisy device's messages have an outcome", 60)
    scene.note(f"{count} messages, {count / (time.monotonic() - scene.began):.0f} a second")
