"""Faults of the network: each link cut, silent, reset, slow and thin, and answers that get lost on their way back."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psutil

from tests.chaos.proxy import Link, Weather
from tests.chaos.registry import fault
from tests.chaos.scene import Scene
from tests.project import eventually
from tests.visitor import Program

NOTICED_S = 60.0  # within which a client has to notice that nobody is at the other end any more
SLOW = Weather(delay_s=0.3, stall_share=0.05)
THIN = Weather(bytes_per_s=8_000)  # 64 kbit/s
SILENT, DEAF = Weather(silent=True), Weather(deaf=True)
# Links by how their names begin. What stays unsaid here is the same server for another kind of process.
LINKS = {
    "devices-broker": ("device-broker",),
    "bridge-broker": ("bridge-broker",),
    "bridge-buffers": ("bridge-buffer",),
    "bridge-postgres": ("bridge-postgres",),
    "worker-buffers": ("worker-buffer",),
    "worker-postgres": ("worker-postgres",),
    "all-queue": ("bridge-queue", "worker-queue", "scheduler-queue", "site-queue"),
}
# A client that has nothing to say need not notice that nobody hears it; these have something to say all the time.
BUSY = ("bridge-broker", "bridge-buffer", "worker-buffer", "worker-postgres")


def cut(scene: Scene, links: list[Link]) -> None:
    for link in links:
        link.cut()
    scene.hold(10)


def silent(scene: Scene, links: list[Link]) -> None:
    """Let nothing through until the clients have noticed."""
    for link in links:
        link.set(SILENT)
    if scene.small or not links[0].name.startswith(BUSY):
        scene.hold(30, 4)
        return
    before = open_ports(links)
    scene.measure("noticed", lambda: bool(before - open_ports(links)), NOTICED_S)


def open_ports(links: list[Link]) -> set[int]:
    """Return the clients' own ports of the connections that they hold open to some links."""
    ends = {link.port for link in links}
    found = set()
    for one in psutil.net_connections("tcp"):
        if one.status == psutil.CONN_ESTABLISHED and one.laddr and one.raddr and one.raddr.port in ends:
            found.add(one.laddr.port)
    return found


def reset(scene: Scene, links: list[Link]) -> None:
    for _ in range(2 if scene.small else 10):
        for link in links:
            link.reset()
        time.sleep(1)


def slow(scene: Scene, links: list[Link]) -> None:
    for link in links:
        link.set(SLOW)
    scene.hold(20, 4)


def thin(scene: Scene, links: list[Link]) -> None:
    for link in links:
        link.set(THIN)
    scene.hold(15, 4)


TROUBLES: dict[str, tuple[str, Callable[[Scene, list[Link]], None]]] = {
    "cut": ("refused for 10 s", cut),
    "silent": ("silent until it is noticed", silent),
    "reset": ("reset every second for 10 s", reset),
    "slow": ("300 ms and 5 % stalls for 20 s", slow),
    "thin": ("64 kbit/s for 15 s", thin),
}


def link_fault(where: str, patterns: tuple[str, ...], trouble: str) -> None:
    """Register one trouble of one kind of link."""
    words, make = TROUBLES[trouble]

    @fault(f"F17-{where}-{trouble}", f"{where.replace('-', ' to ')}: {words}")
    def act(scene: Scene) -> None:
        links = scene.links(*patterns)
        scene.begin()
        make(scene, links)


for where, patterns in LINKS.items():
    for trouble in TROUBLES:
        link_fault(where, patterns, trouble)


# --- Answers that get lost -------------------------------------------------------------------------------------------


@contextmanager
def without_answers(scene: Scene, *patterns: str) -> Iterator[None]:
    """Let requests arrive and lose their answers for the length of a block."""
    links = scene.links(*patterns)
    scene.begin()
    for link in links:
        link.set(DEAF)
    yield
    for link in links:
        link.heal()


def reply_fault(name: str, words: str, *patterns: str) -> None:
    """Register lost answers on one kind of link."""

    @fault(f"F18-{name}", f"the answers of {words} lost for 5 s: what was asked has happened")
    def act(scene: Scene) -> None:
        with without_answers(scene, *patterns):
            scene.hold(5, 2)


reply_fault("append", "the buffers to the bridge", "bridge-buffer")
reply_fault("ack", "the buffers to the workers", "worker-buffer")
reply_fault("commit", "PostgreSQL to the workers", "worker-postgres")
reply_fault("puback", "the broker to the devices", "device-broker")


@fault("F18-http", "the answer to readings sent over HTTP lost; they are sent again")
def lose_http_answer(scene: Scene) -> None:
    token = scene.stack.manage("create_token", "--user", "chaos", "--role", "Operator").strip()
    link = scene.ground.link("client-site")
    program = Program(f"http://127.0.0.1:{link.port}", token)
    device, now = scene.device("http"), time.time()
    readings = [{"timestamp": now - number, "speed": number, "seq": number} for number in range(1, 101)]

    def send() -> bool:
        try:
            program.post(f"/bridge/ingest?topic=vehicles/{device}/telemetry", readings)
        except (urllib.error.URLError, OSError):
            return False
        return True

    link.set(DEAF)
    scene.expect(not give_up_soon(send), "the answer was to be lost")
    link.heal()
    eventually(send, "the readings are taken", 30)
    eventually(lambda: stored_of(scene, device) == len(readings), f"{len(readings)} readings are stored once", 30)


def give_up_soon(send: Callable[[], bool]) -> bool:
    """Send with the patience of a device instead of that of a test."""
    from tests import visitor

    patience, visitor.TIMEOUT_S = visitor.TIMEOUT_S, 3.0
    try:
        return send()
    finally:
        visitor.TIMEOUT_S = patience


def stored_of(scene: Scene, device: str) -> int:
    """Return how many readings of a device are stored."""
    ((count,),) = scene.stack.query(
        "SELECT count(*) FROM telemetry.vehicle WHERE device_id = (SELECT id FROM ingest_device WHERE name = %s)",
        device,
    )
    return int(count)
