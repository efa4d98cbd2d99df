"""Faults of disks and memory: a buffer that is full, a disk that is full, a log whose end is gone."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import redis

from ingest.ring import STREAM, connect
from tests.chaos.registry import fault
from tests.chaos.scene import NotPossibleHere, Scene
from tests.chaos.servers import numbers_in
from tests.project import eventually

FOLDERS = {"buffer-1": "redis-1", "buffer-2": "redis-2", "postgres": "postgres", "broker": "mosquitto"}
ROOM_MB = 4  # on a small disk beside what is there already
MOST_CUT = 5_000  # bytes off the end of a log


@contextmanager
def full(buffers: Sequence[redis.Redis]) -> Iterator[None]:
    """Let buffers refuse to grow for the length of a block."""
    for buffer in buffers:
        used = int(buffer.info("memory")["used_memory"])
        buffer.config_set("maxmemory", max(1, used - 100_000))
    try:
        yield
    finally:
        for buffer in buffers:
            buffer.config_set("maxmemory", 0)


@fault("F16-one", "one buffer out of memory for 20 s")
def one_buffer_full(scene: Scene) -> None:
    number = scene.chance.choice((1, 2))
    scene.note(f"buffer-{number}")
    with connect(scene.ground.buffer_url(number)) as buffer:
        scene.begin()
        with full([buffer]):
            scene.measure("flow through the other one", scene.flows(), 5.0)
            scene.hold(20, 1)


@fault("F16-all", "all buffers out of memory for 20 s: nothing is acknowledged, and what they hold leaves them")
def all_buffers_full(scene: Scene) -> None:
    buffers = scene.ground.buffers()
    scene.begin()
    with full(buffers):
        eventually(lambda: not any(buffer.xlen(STREAM) for buffer in buffers), "workers empty full buffers", 30)
        newest = scene.newest()
        scene.hold(20, 3)
        scene.note("no reading was stored meanwhile" if scene.newest() == newest else "some readings got through")


@fault("F14", "the append-only file of a buffer cut short while it was down", drained_s=90.0)
def truncate_log(scene: Scene) -> None:
    name, number = scene.chance.choice((("buffer-1", 1), ("buffer-2", 2)))
    with scene.stopped(scene.ground.names("worker")):
        # What workers had done before must stay: the counts of what they stored would be cut off with it.
        log = newest_log(scene.ground.folder / FOLDERS[name])
        size = log.stat().st_size
        eventually(lambda: log.stat().st_size > size + 2 * MOST_CUT, "batches come into the buffer", 30)
        scene.ground.pause_server(name)
        scene.ground.kill_server(name)
        before = log.read_bytes()
        cut = scene.chance.randrange(500, MOST_CUT)
        log.write_bytes(before[:-cut])
        scene.ground.server(name).start()
        with connect(scene.ground.buffer_url(number)) as buffer:
            left = {number for _, f in buffer.xrange(STREAM) for number in numbers_in(f[b"batch"], scene.fleet.prefix)}
        scene.note(f"{name}: {cut} bytes cut off, {len(left)} readings left in it")
    # What stood in the part that was cut off is gone with it; nothing else may be.
    scene.deleted = numbers_of_log(before[-cut - 200_000 :], scene.fleet.prefix) - left


def newest_log(folder: Path) -> Path:
    """Return the file of a Redis server that grows."""
    return max(folder.glob("appendonlydir/*.incr.aof"), key=lambda path: path.stat().st_mtime)


def numbers_of_log(data: bytes, prefix: str) -> set[int]:
    """Return the numbers of the readings whose payloads stand in the bytes of an append-only file."""
    found = set()
    for piece in data.split(f"vehicles/{prefix}".encode())[1:]:
        for part in piece.split(b'"seq":')[1:]:
            digits = part.partition(b",")[0]
            if digits.isdigit():
                found.add(int(digits) - 1)
    return found


# --- A disk that is full ---------------------------------------------------------------------------------------------


@contextmanager
def small_disk(scene: Scene, name: str) -> Iterator[Path]:
    """Put a server's data on a disk with little room, for the length of a block."""
    folder = scene.ground.folder / FOLDERS[name]
    aside = folder.with_name(f"{folder.name}.aside")
    scene.ground.server(name).stop()
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) // 1_000_000 + ROOM_MB
    folder.rename(aside)
    folder.mkdir()
    try:
        mount(folder, size)
        move(aside, folder)
        scene.ground.server(name).start()
        yield folder
    finally:
        scene.ground.server(name).stop()
        if os.path.ismount(folder):
            move(folder, aside)
            subprocess.run(["umount", str(folder)], check=True, capture_output=True)
        folder.rmdir()
        aside.rename(folder)
        scene.ground.server(name).start()


def mount(folder: Path, megabytes: int) -> None:
    """Mount a disk of so many megabytes in memory; raise NotPossibleHere where that is forbidden."""
    command = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(command, capture_output=True, text=True)
    except OSError as error:
        raise NotPossibleHere(f"a small disk cannot be mounted: {error}") from error
    if done.returncode:
        raise NotPossibleHere(f"a small disk cannot be mounted: {done.stderr.strip()}")


def move(source: Path, target: Path) -> None:
    """Copy a server's data with its owners and modes."""
    subprocess.run(["cp", "-a", f"{source}/.", str(target)], check=True, capture_output=True)
    if source.name.endswith(".aside"):
        shutil.rmtree(source)
        source.mkdir()


def fill(folder: Path) -> Path:
    """Take all the room there is, and return the file that takes it."""
    ballast = folder / "ballast"
    with ballast.open("wb") as file:
        try:
            while True:
                file.write(b"\0" * 65_536)
                file.flush()
        except OSError:
            return ballast


def disk_fault(name: str) -> None:
    """Register a full disk of one server."""

    @fault(f"F15-{name}", f"the disk of {name} full for 20 s", drained_s=90.0, plain=name == "broker")
    def act(scene: Scene) -> None:
        with small_disk(scene, name) as folder:
            scene.measure("flow on a small disk", scene.flows(), 30.0, since=time.monotonic())
            scene.begin()
            ballast = fill(folder)
            scene.hold(20, 5)
            ballast.unlink()
            scene.measure("flow with room again", scene.flows(), 30.0, since=time.monotonic())


for server in ("buffer-1", "broker", "postgres"):
    disk_fault(server)
