"""Faults of the servers: killed, stopped where they stand, emptied by hand."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from contextlib import ExitStack

import redis

from ingest.envelope import decode
from ingest.ring import STREAM, connect
from tests.chaos.registry import fault
from tests.chaos.scene import Scene
from tests.project import eventually
from validation.streams import GROUP

BUFFERS = ("buffer-1", "buffer-2")


def kill_servers(scene: Scene, names: Iterable[str], seconds: float, small: float = 2.0) -> None:
    """Kill servers and start them again after a while."""
    names = list(names)
    scene.begin()
    for name in names:
        scene.ground.kill_server(name)
    scene.hold(seconds, small)
    for name in names:
        scene.ground.server(name).start()


@fault("F6", "kill -9 of the broker, which keeps its sessions on disk, away for 10 s", plain=True)
def kill_broker(scene: Scene) -> None:
    kill_servers(scene, ["broker"], 10)


@fault("F7-buffer", "kill -9 of one buffer, away for 30 s", shown=True)
def kill_buffer(scene: Scene) -> None:
    victim = scene.one_of(BUFFERS)
    scene.ground.kill_server(victim)
    scene.measure("flow through the other one", scene.flows(), 5.0)
    scene.hold(30, 1)
    scene.ground.server(victim).start()


@fault("F7-queue", "kill -9 of Celery's Redis, away for 30 s", shown=True)
def kill_queue(scene: Scene) -> None:
    kill_servers(scene, ["queue"], 30, 3)


@fault("F7-all", "kill -9 of all three Redis servers, away for 30 s", shown=True)
def kill_every_redis(scene: Scene) -> None:
    scene.begin()
    for name in (*BUFFERS, "queue"):
        scene.ground.kill_server(name)
    scene.hold(30, 3)
    newest = scene.newest()
    scene.hold(2, 1)
    scene.expect(scene.newest() == newest, "readings were stored although there was no buffer")
    for name in (*BUFFERS, "queue"):
        scene.ground.server(name).start()


@fault("F7-bridge", "kill -9 of all buffers, and then of the bridges, whose batches nobody took", shown=True)
def kill_buffers_and_bridges(scene: Scene) -> None:
    scene.begin()
    for name in BUFFERS:
        scene.ground.kill_server(name)
    scene.hold(10, 3)
    bridges = scene.ground.names("bridge")
    for name in bridges:
        scene.ground.hold(name)
        scene.ground.signal(name)
    scene.hold(5, 1)
    for name in BUFFERS:
        scene.ground.server(name).start()
    scene.release(*bridges)


@fault("F8", "kill -9 of PostgreSQL, away for 90 s", shown=True)
def kill_postgres(scene: Scene) -> None:
    kill_servers(scene, ["postgres"], 90, 3)


def stop_server(name: str, *, shown: bool) -> None:
    """Register the fault of a server that stands still."""

    @fault(f"F10-{name}", f"SIGSTOP of {name} for 45 s, then SIGCONT", shown=shown)
    def stop(scene: Scene) -> None:
        scene.begin()
        scene.ground.pause_server(name)
        scene.hold(45, 4)


for server in ("broker", "buffer-1", "queue", "postgres"):
    stop_server(server, shown=server != "broker")


@fault("F11-servers", "orderly restart of every server, one after another", plain=True)
def restart_servers(scene: Scene) -> None:
    for name in ("buffer-1", "buffer-2", "queue", "postgres", "broker"):
        scene.ground.server(name).stop()
        scene.ground.server(name).start()
        scene.measure(f"flow after {name}", scene.flows(), 30.0, since=time.monotonic())
        scene.hold(2, 0)


# --- What people do by hand ------------------------------------------------------------------------------------------


@fault("F13-group", "the consumer groups of all buffers destroyed by hand while workers hold entries")
def destroy_groups(scene: Scene) -> None:
    with scene.stopped(scene.ground.names("worker")), ExitStack() as open_clients:
        buffers = [open_clients.enter_context(buffer) for buffer in scene.ground.buffers()]
        wait_for_entries(buffers)
        for buffer in buffers:
            buffer.xgroup_destroy(STREAM, GROUP)


@fault("F13-flush", "one buffer emptied by hand with entries in it", spoils=True)
def flush_buffer(scene: Scene) -> None:
    number = 1 + BUFFERS.index(scene.one_of(BUFFERS))
    with scene.stopped(scene.ground.names("worker")), connect(scene.ground.buffer_url(number)) as buffer:
        wait_for_entries([buffer])
        with buffer.pipeline(transaction=True) as pipe:  # so that nothing comes in between
            pipe.xrange(STREAM)
            pipe.flushall()
            found, _ = pipe.execute()
        scene.deleted = {number for _, fields in found for number in numbers_in(fields[b"batch"], scene.fleet.prefix)}
        scene.note(f"{len(found)} entries with {len(scene.deleted)} readings deleted")
    scene.measure("flow", scene.flows(), 30.0, since=time.monotonic())
    # What was received there and is nowhere cannot be forgotten.
    eventually(lambda: scene.stack.json("audit", code=1)["balanced"] is False, "the audit complains")


def numbers_in(packed: bytes, prefix: str) -> set[int]:
    """Return the numbers of the devices' readings in a packed batch."""
    batch, mine = decode(packed), b"vehicles/" + prefix.encode()
    messages = zip(batch.topics, batch.payloads, strict=True)
    return {json.loads(payload)["seq"] - 1 for topic, payload in messages if topic.startswith(mine)}


def wait_for_entries(buffers: Iterable[redis.Redis]) -> None:
    """Wait until every buffer holds some entries."""
    for buffer in buffers:
        eventually(lambda buffer=buffer: int(buffer.xlen(STREAM)) > 2, "entries wait in the buffer")  # type: ignore[misc]
