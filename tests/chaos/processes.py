"""Faults of our own processes: killed, stopped where they stand, ended in order."""

from __future__ import annotations

import signal
import time

from tests.chaos.registry import fault
from tests.chaos.scene import Scene
from tests.project import eventually

TAKEOVER_S, LEADER_S, RECLAIM_S = 15.0, 10.0, 30.0


@fault("F1", "kill -9 of one bridge, away for 30 s")
def kill_one_bridge(scene: Scene) -> None:
    victim = scene.one_of(scene.ground.names("bridge"))
    scene.kill(victim)
    made = scene.fleet.made
    if scene.ground.bridges > 1:
        # Everything that was sent before it died, its share included, has to come through the others.
        scene.measure("takeover", scene.has_all_until(made), TAKEOVER_S)
    scene.hold(30 - min(30, time.monotonic() - scene.began))
    scene.release(victim)


@fault("F1-leader", "kill -9 of the bridge that leads", needs=2)
def kill_leader(scene: Scene) -> None:
    victim, epoch = leader(scene)
    scene.note(victim)
    scene.kill(victim)
    scene.measure("new leader", lambda: leader(scene)[1] > epoch, LEADER_S)
    scene.measure("takeover", scene.has_all_until(scene.fleet.made), TAKEOVER_S)
    scene.release(victim)


def leader(scene: Scene) -> tuple[str, int]:
    """Return the name of the bridge that leads, or led last, and the epoch of its lead."""
    ((name, epoch),) = scene.stack.query(
        "SELECT coalesce(process.name, ''), leader.epoch FROM ingest_leader AS leader "
        "LEFT JOIN ingest_bridgeprocess AS process ON process.id = leader.holder WHERE leader.name = 'bridges'"
    )
    return str(name), int(epoch)


@fault("F1-each", "kill -9 of every bridge, one after another", needs=2)
def kill_each_bridge(scene: Scene) -> None:
    for name in scene.ground.names("bridge"):
        scene.kill(name)
        scene.measure(f"takeover from {name}", scene.has_all_until(scene.fleet.made), TAKEOVER_S)
        scene.release(name)
        scene.hold(5, 1)


@fault("F2", "kill -9 of all bridges, away for 60 s")
def kill_all_bridges(scene: Scene) -> None:
    names = scene.ground.names("bridge")
    scene.kill(*names)
    scene.hold(60, 3)
    scene.release(*names)


@fault("F3", "kill -9 of a worker in the middle of its transaction")
def kill_worker_in_transaction(scene: Scene) -> None:
    with scene.stack.database() as database:
        # Whoever writes waits for this lock, in the middle of the transaction that stores its chunk.
        database.execute("LOCK TABLE telemetry.vehicle IN EXCLUSIVE MODE")
        scene.begin()
        eventually(lambda: bool(waiting_inserts(scene)), "workers wait for the table")
        names = scene.ground.names("worker")
        scene.note(f"{len(names)} workers in {waiting_inserts(scene)} transactions")
        scene.kill(*names)
        database.rollback()
    scene.release(*names)
    scene.measure("reclaimed", scene.has_all_until(scene.fleet.made), RECLAIM_S)


def waiting_inserts(scene: Scene) -> int:
    """Return how many transactions wait for a lock while they insert readings."""
    ((count,),) = scene.stack.query(
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE %s", "INSERT%telemetry%"
    )
    return int(count)


@fault("F3-one", "kill -9 of one worker of several, which stays away")
def kill_one_worker(scene: Scene) -> None:
    victim = scene.one_of(scene.ground.names("worker"))
    scene.kill(victim)
    scene.measure("reclaimed", scene.has_all_until(scene.fleet.made), RECLAIM_S)
    scene.release(victim)


@fault("F11", "orderly restart of every process, one after another")
def restart_each(scene: Scene) -> None:
    kinds = ("bridge", "worker") if scene.small else ("bridge", "worker", "scheduler", "site")
    connects = scene.fleet.connects
    for kind in kinds:
        for name in scene.ground.names(kind):
            before = scene.ground.signal(name, signal.SIGTERM)
            scene.ground.wait_for_another(name, before)
            scene.measure(f"flow after {name}", scene.flows(), 30.0, since=time.monotonic())
    scene.expect(scene.fleet.connects == connects, "devices had to connect again")


def stop_process(kind: str) -> None:
    """Register the fault of one kind of process that stands still."""

    @fault(f"F10-{kind}", f"SIGSTOP of one {kind} for 45 s, then SIGCONT", shown=kind == "site")
    def stop(scene: Scene) -> None:
        victim = scene.one_of(scene.ground.names(kind))
        with scene.stopped([victim]):
            if kind == "bridge" and scene.ground.bridges > 1:
                # It is not dead to anybody who looks for its process: only its lease can tell.
                scene.measure("takeover", scene.has_all_until(scene.fleet.made), TAKEOVER_S)
            scene.hold(45, 4)


for kind in ("bridge", "worker", "scheduler", "site"):
    stop_process(kind)
