"""A stack of the benchmarks' own, on free ports and in a folder of its own, for as long as a `with` block."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path

from dataflow.bench.throughput import BenchFailed
from dataflow.brokers import mosquitto
from dataflow.brokers.sizing import Demand
from dataflow.embedded.ports import LOOPBACK, Ports
from dataflow.embedded.probes import Unreachable, probe_mqtt
from dataflow.embedded.program import Program
from dataflow.embedded.running import running
from dataflow.lib.env import Environment, read_env_file

SERVICES = ("DATABASE_URL", "REDIS_URL", "BUFFER_URLS", "MQTT_URL")
PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"  # where Debian keeps servers
START_S, STOP_S = 300.0, 90.0
POLL_S = 0.2
RUNNING = "dataflow is running at"


def refuse_services_of_others(base: Path) -> None:
    """Raise BenchFailed when `.env` names servers: they would be filled with the readings of the benchmarks."""
    theirs = Environment(read_env_file(base / ".env"))
    if named := [name for name in SERVICES if theirs.find(name)]:
        raise BenchFailed(
            f".env names {', '.join(named)}, and these benchmarks fill servers of their own. Move it away for the "
            "time, or measure your stack as it runs with one of the others, such as `manage.py bench throughput`."
        )


def mosquitto_program() -> str | None:
    """Return the path of Mosquitto, None where it is not installed."""
    return shutil.which("mosquitto", path=PATH)


@contextmanager
def own_stack(base: Path, folder: Path, *, embedded_broker: bool) -> Iterator[Mapping[str, str]]:
    """Run a stack with its data in a new folder, and yield the environment that leads commands to it.

    Everything is stopped and removed at the end. Raises BenchFailed when it does not start.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        with _mosquitto(folder) if not embedded_broker else nullcontext("") as url:
            # What is empty counts as not set, so nothing of the environment leads to servers of others.
            settings = {name: "" for service in SERVICES for name in (service, f"{service}_FILE")}
            settings |= {"DATA_DIR": str(folder / "var"), "MQTT_URL": url}
            with _platform(base, folder, settings):
                yield os.environ | settings
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _platform(base: Path, folder: Path, settings: Mapping[str, str]) -> Iterator[None]:
    port = Ports(anywhere=True).take(0)
    program = Program(
        name="up",
        argv=(sys.executable, str(base / "manage.py"), "up", "--port", str(port)),
        env=settings,
        stop_signal=signal.SIGINT,
        stop_seconds=STOP_S,
        orphan_signal=signal.SIGTERM,
    )
    log = folder / "up.log"
    with running(program, folder) as process:
        _wait(process, log, lambda: RUNNING in log.read_text(errors="replace"))
        yield


@contextmanager
def _mosquitto(folder: Path) -> Iterator[str]:
    """Run Mosquitto as `broker_config` advises, but open to this machine alone and without accounts."""
    binary = mosquitto_program()
    if binary is None:
        raise BenchFailed("Mosquitto is not installed")
    port, data = Ports(anywhere=True).take(0), folder / "mosquitto"
    data.mkdir()
    text = mosquitto.configuration(Demand(), "for a benchmark")
    for advised, here in (
        ("listener 1883", f"listener {port} {LOOPBACK}"),
        ("allow_anonymous false", "allow_anonymous true"),
        ("persistence_location /mosquitto/data", f"persistence_location {data}/"),
    ):
        text = text.replace(advised, here)
    # Started by root it would become a user who may not enter these folders.
    configuration = data / "mosquitto.conf"
    configuration.write_text(text + ("\nuser root\n" if os.geteuid() == 0 else ""))
    url = f"mqtt://{LOOPBACK}:{port}"
    with running(Program(name="mosquitto", argv=(binary, "-c", str(configuration)), cwd=data), folder) as process:
        _wait(process, folder / "mosquitto.log", lambda: _answers(url))
        yield url


def _answers(url: str) -> bool:
    try:
        probe_mqtt(url, version5=True)
    except Unreachable:
        return False
    return True


def _wait(process: subprocess.Popen[bytes], log: Path, is_ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + START_S
    while not is_ready():
        if process.poll() is not None or time.monotonic() > deadline:
            lines = log.read_text(errors="replace").splitlines()
            raise BenchFailed(f"{log.stem} does not start: {' '.join(lines[-3:])}")
        time.sleep(POLL_S)
