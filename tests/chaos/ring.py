"""Faults of the ring: members that leave and join while data flows."""

from __future__ import annotations

import time

import redis

from ingest.ring import connect, identify
from ingest.sealing import is_sealed
from tests.chaos.registry import fault
from tests.chaos.scene import Scene
from tests.chaos.servers import BUFFERS

REMOVED_S, TAKEN_S = 30.0, 15.0


@fault("F12", "a buffer drained, removed, and taken into the ring again while data flows")
def leave_and_join(scene: Scene) -> None:
    url = scene.ground.buffer_url(1 + BUFFERS.index(scene.one_of(BUFFERS)))
    identity = identify(url)
    with connect(url) as buffer:
        scene.begin()
        scene.stack.manage("buffers", "drain", identity)
        scene.measure("removed", lambda: has_left(scene, identity), REMOVED_S)
        scene.measure("flow without it", scene.flows(), 5.0, since=time.monotonic())
        taken = batches_taken(buffer)
        scene.hold(10)
        scene.expect(is_sealed(buffer), "a buffer that has left the ring is not closed")
        scene.expect(batches_taken(buffer) == taken, "a buffer that has left the ring takes batches")
        joined = time.monotonic()
        scene.stack.manage("buffers", "add", url)
        scene.measure("takes batches again", lambda: batches_taken(buffer) > taken, TAKEN_S, since=joined)


def has_left(scene: Scene, identity: str) -> bool:
    """Remove a buffer; it is refused while there is something in it."""
    try:
        scene.stack.manage("buffers", "remove", identity)
    except AssertionError:
        return False
    return True


def batches_taken(buffer: redis.Redis) -> int:
    """Return how many batches a buffer has taken since it was started, without those that it refused."""
    counts = buffer.info("commandstats").get("cmdstat_xadd", {})
    return int(counts.get("calls", 0)) - int(counts.get("failed_calls", 0))
