"""Every health check of docker-compose.yml holds while its service works and fails while it hangs."""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import psycopg
import pytest

from dataflow.embedded.ports import Ports
from tests import composed, composefile
from tests.composed import PORTS, Machine, check, new_values
from tests.project import BASE, clean_environment, eventually
from tests.stack import RunningStack

CHECKED = [name for name, service in composefile.services(new_values()).items() if "healthcheck" in service]
HOUR_S = 3600


@pytest.fixture(scope="module")
def machine(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Return all services, started in the order and under the conditions of the file."""
    if missing := composed.missing_programs():
        pytest.skip(f"not installed: {', '.join(missing)} (apt-get install mosquitto mosquitto-clients redis)")
    folder = tmp_path_factory.mktemp("composed")
    folder.chmod(0o755)  # PostgreSQL may run as another user
    with Machine(project, folder) as machine:
        for name in machine.services:
            machine.start(name)
        yield machine
    shutil.rmtree(folder, ignore_errors=True)


def heartbeats(machine: Machine) -> list[Path]:
    """Return the files by which services show that they are at work."""
    found = []
    for name in CHECKED:
        for word in machine.services[name]["healthcheck"]["test"]:
            path = Path(machine.here(name, word))
            if word.startswith("/var/lib/dataflow") and path.exists():
                found += list(path.iterdir()) if path.is_dir() else [path]
    return found


def test_every_check_holds_and_what_vehicles_send_is_stored(machine: Machine) -> None:
    for name in CHECKED:
        machine.wait_until_healthy(name)
    url = machine.here("site", machine.environment("site")["DATABASE_URL"])

    def stored() -> bool:
        with psycopg.connect(url) as database:
            row = database.execute("SELECT count(DISTINCT device_id) FROM telemetry.vehicle").fetchone()
        return row == (3,)

    eventually(stored, "readings of three vehicles are stored", 30)


def test_every_check_fails_while_its_service_hangs_and_holds_again_afterwards(machine: Machine) -> None:
    for name in CHECKED:
        machine.wait_until_healthy(name)
    machine.signal(CHECKED, signal.SIGSTOP)
    try:
        for path in heartbeats(machine):
            # As if they had hung for an hour: nobody is there to touch the file again.
            os.utime(path, (time.time() - HOUR_S, time.time() - HOUR_S))
        assert machine.all_healthy(CHECKED) == dict.fromkeys(CHECKED, False)
    finally:
        machine.signal(CHECKED, signal.SIGCONT)
    for name in CHECKED:
        machine.wait_until_healthy(name)


# --- The same checks against the services that `manage.py up` starts ------------------------------------------------


@pytest.mark.parametrize("name", ["bridge", "worker", "scheduler", "watch", "site", "simulators"])
def test_the_platforms_checks_hold_for_the_one_command_too(stack: RunningStack, name: str) -> None:
    service = composefile.services(new_values())[name]

    def adapt(word: str) -> str:
        word = word.replace("/var/lib/dataflow", str(stack.data_dir)).replace(":8000", f":{stack.port}")
        return word.replace("run/bridge", "run/bridge-0").replace("run/worker", "run/worker-0")

    eventually(lambda: check(service, adapt, clean_environment(), BASE), f"{name} is healthy", 60)


@pytest.mark.parametrize(
    ("name", "setting"),
    [("postgres", "DATABASE_URL"), ("redis", "REDIS_URL"), ("buffer-1", "BUFFER_URLS"), ("mosquitto", "MQTT311_URL")],
)
def test_the_servers_checks_hold_for_the_embedded_servers_too(name: str, setting: str, tmp_path: Path) -> None:
    service = composefile.services(new_values())[name]
    program = re.search(r"[a-z_]+(?:-cli)?", service["healthcheck"]["test"][1])
    assert program is not None
    if shutil.which(program[0], path=composed.SEARCH) is None:
        pytest.skip(f"not installed: {program[0]}")
    parts = urlsplit(os.environ.get(setting, os.environ["MQTT_URL"]).split(",")[0])
    assert parts.port is not None
    own = {"PATH": composed.SEARCH, "REDISCLI_AUTH": unquote(parts.password or ""), "XDG_CONFIG_HOME": str(tmp_path)}

    def holds(port: int) -> bool:
        return check(service, lambda word: word.replace(str(PORTS[name]), str(port)), clean_environment() | own, BASE)

    assert holds(parts.port)
    assert not holds(Ports(anywhere=True).take(0))
