"""`manage.py up` itself, with the real services and programs: one stack, started three times on one folder."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis

from dataflow.embedded.plan import port_of
from dataflow.lib.env import read_env_file
from dataflow.stack import LOCK_FILE

BASE = Path(__file__).parents[2]
SECONDS = 120.0  # for a stack to come up on a busy machine
SERVICES = (
    *("DATABASE_URL", "REDIS_URL", "BUFFER_URLS", "MQTT_URL", "MQTT311_URL", "MQTT_SHARED", "MQTT_TOPICS"),
    *("SECRET_KEY", "SITE_URL", "ALLOWED_HOSTS", "DEBUG"),
)


class Up:
    """A running `manage.py up` and what it prints."""

    def __init__(self, data_dir: Path, *arguments: str) -> None:
        self.data_dir = data_dir
        self.out, self.err = data_dir.with_name("out"), data_dir.with_name("err")
        with self.out.open("w") as out, self.err.open("w") as err:
            self.process = subprocess.Popen(
                manage("up", "--workers", "1", *arguments), stdout=out, stderr=err, env=environment(data_dir), cwd=BASE
            )

    def wait(self) -> Up:
        """Wait until the stack says that it runs."""
        until(lambda: "Ctrl-C" in self.out.read_text() or self.process.poll() is not None, SECONDS)
        assert self.process.poll() is None, self.err.read_text()
        return self

    def end(self, number: signal.Signals) -> int:
        """Send a signal and return the exit code."""
        self.process.send_signal(number)
        return self.process.wait(60)

    def children(self) -> set[int]:
        """Return the process ids of everything it started, children of children too."""
        return descendants(self.process.pid)

    def pid_of(self, mark: str) -> int:
        """Return the direct child whose command line holds a text."""
        return next(pid for pid in parents()[self.process.pid] if mark in command_line(pid))


def manage(*arguments: str) -> list[str]:
    return [sys.executable, str(BASE / "manage.py"), *arguments]


def environment(data_dir: Path) -> dict[str, str]:
    """Return this environment without the services of the test session."""
    return {name: value for name, value in os.environ.items() if name not in SERVICES} | {"DATA_DIR": str(data_dir)}


def services(data_dir: Path) -> tuple[int, dict[str, Any]]:
    command = manage("services", "--json")
    result = subprocess.run(command, env=environment(data_dir), cwd=BASE, capture_output=True, text=True, check=False)
    return result.returncode, json.loads(result.stdout)


def parents() -> Mapping[int, set[int]]:
    found: dict[int, set[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            found.setdefault(int(fields[1]), set()).add(int(entry.parent.name))
    return found


def descendants(root: int) -> set[int]:
    tree, found, todo = parents(), set[int](), [root]
    while todo:
        todo += (new := tree.get(todo.pop(), set()) - found)
        found |= new
    return found


def command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "this took too long"
        time.sleep(0.1)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("up") / "var"


@pytest.fixture(scope="module")
def up(data_dir: Path) -> Iterator[Up]:
    stack = Up(data_dir, "--simulate", "1", "--bridges", "2").wait()
    yield stack
    if stack.process.poll() is None:
        stack.end(signal.SIGKILL)


def test_it_says_where_the_site_is_and_how_to_log_in(up: Up) -> None:
    said = up.out.read_text()
    assert re.search(r"^dataflow is running at http://127\.0\.0\.1:\d+$", said, re.MULTILINE)
    password = re.search(r"^  password  (\S+)$", said, re.MULTILINE)
    assert password
    assert (up.data_dir / "admin-password").read_text().strip() == password[1]
    assert "keeps its sessions in memory" in said
    assert "docs/guarantees.md" in said


def test_another_terminal_finds_the_services(up: Up) -> None:
    assert (up.data_dir / "stack.env").stat().st_mode & 0o777 == 0o600
    status, found = services(up.data_dir)
    assert set(found) == {"database", "redis", "buffers", "mqtt", "mqtt5", "site"}
    assert len(found["buffers"]) == 2
    everything = [found[name] for name in found if name != "buffers"] + found["buffers"]
    assert all(service["answers"] for service in everything), found
    assert status == 0


def test_it_starts_as_many_bridges_as_asked_for_and_says_what_the_embedded_broker_makes_of_them(up: Up) -> None:
    def held() -> list[int]:
        command = manage("bridges", "--json")
        answer = subprocess.run(command, env=environment(up.data_dir), cwd=BASE, capture_output=True, check=False)
        return sorted(len(bridge["slots"]) for bridge in json.loads(answer.stdout)["bridges"] if bridge["alive"])

    until(lambda: held() == [0, 1])
    assert "one bridge works and the others stand by" in up.err.read_text()


def test_a_second_up_on_the_same_folder_is_refused(up: Up) -> None:
    command = manage("up")
    result = subprocess.run(
        command, env=environment(up.data_dir), cwd=BASE, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 1
    assert f"process {up.process.pid}" in result.stderr
    assert "already running" in result.stderr


def test_whatever_is_killed_is_started_again_with_its_port_and_its_data(up: Up) -> None:
    known = read_env_file(up.data_dir / "stack.env")
    buffer = known["BUFFER_URLS"].split(",")[0]
    with redis.Redis.from_url(buffer) as client:
        client.set("note", "kept", ex=600)
    with psycopg.connect(known["DATABASE_URL"], autocommit=True) as database:
        database.execute("CREATE TABLE note (text text)")
        database.execute("INSERT INTO note VALUES ('kept')")
    # Valkey shows its port in place of its command line.
    marks = (f":{port_of(buffer)}", "bin/postgres", "rumqttd", "run_bridge", "worker-0", "daphne", "simulate_devices")
    killed = [up.pid_of(mark) for mark in marks]
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    until(lambda: not any(command_line(pid) for pid in killed))
    until(lambda: services(up.data_dir)[0] == 0, SECONDS)
    with redis.Redis.from_url(buffer) as client:
        assert client.get("note") == b"kept"
    with psycopg.connect(known["DATABASE_URL"]) as database:
        assert database.execute("SELECT text FROM note").fetchall() == [("kept",)]
    until(lambda: all(any(mark in command_line(pid) for pid in parents()[up.process.pid]) for mark in marks))


def test_the_first_interrupt_drains_in_order_and_the_next_start_finds_everything(up: Up) -> None:
    password = (up.data_dir / "admin-password").read_text()
    known = read_env_file(up.data_dir / "stack.env")
    children = up.children()
    assert up.end(signal.SIGINT) == 130
    stopped = re.findall(r"^up +\| stopping ([a-z]+)", up.err.read_text(), re.MULTILINE)
    assert stopped == ["vehicles", "bridge", "worker", "scheduler", "site", "postgres"]
    assert not [pid for pid in children if command_line(pid)]
    assert not (up.data_dir / "stack.env").exists()
    assert services(up.data_dir)[0] == 3
    again = Up(up.data_dir).wait()
    try:
        assert (up.data_dir / "admin-password").read_text() == password
        assert f"password  {password.strip()}" in again.out.read_text()
        found = read_env_file(up.data_dir / "stack.env")
        # Ports may have gone to somebody else meanwhile; whoever uses the stack's file does not notice.
        assert [re.sub(r":\d+/", "/", found["DATABASE_URL"]), found["SECRET_KEY"]] == [
            re.sub(r":\d+/", "/", known["DATABASE_URL"]),
            known["SECRET_KEY"],
        ]
        with psycopg.connect(found["DATABASE_URL"]) as database:
            assert database.execute("SELECT text FROM note").fetchall() == [("kept",)]
    finally:
        children = again.children()
        again.end(signal.SIGKILL)
    until(lambda: not [pid for pid in children if command_line(pid)])
    assert (up.data_dir / LOCK_FILE).exists()


def test_the_second_interrupt_stops_at_once(data_dir: Path) -> None:
    stack = Up(data_dir)
    until(lambda: "starting PostgreSQL" in stack.err.read_text(), SECONDS)
    children = stack.children()
    stack.process.send_signal(signal.SIGTERM)
    stack.process.send_signal(signal.SIGTERM)
    stack.process.send_signal(signal.SIGTERM)
    assert stack.process.wait(30) in (0, 130)
    until(lambda: not [pid for pid in children if command_line(pid)])
