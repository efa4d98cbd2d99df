"""The servers of docker-compose.yml keep what they promise with the configurations under deploy/."""

from __future__ import annotations

import secrets
import signal
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis

from tests import composed
from tests.composed import SEARCH, Machine
from tests.project import clean_environment, eventually


@pytest.fixture
def machine(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    if missing := composed.missing_programs():
        pytest.skip(f"not installed: {', '.join(missing)} (apt-get install mosquitto mosquitto-clients redis)")
    folder = tmp_path_factory.mktemp("servers")
    folder.chmod(0o755)  # PostgreSQL may run as another user
    with Machine(project, folder) as machine:
        yield machine


def start(machine: Machine, name: str) -> None:
    machine.start(name)
    machine.wait_until_healthy(name)


def set_line(machine: Machine, name: str, old: str, new: str) -> None:
    """Change a line of a server's configuration before its next start."""
    path = next((machine.folder(name) / "etc").glob("*.conf"))
    content = path.read_text()
    assert content.count(f"\n{old}\n") == 1
    path.write_text(content.replace(f"\n{old}\n", f"\n{new}\n"))


# --- Mosquitto -------------------------------------------------------------------------------------------------------


def client(machine: Machine, program: str, user: str | None, *options: str) -> subprocess.CompletedProcess[str]:
    """Run mosquitto_pub or mosquitto_sub as one of the two accounts, or without one."""
    account = ("-u", user, "-P", machine.values[f"MQTT_{user.upper()}_PASSWORD"]) if user else ()
    command = [program, "-h", "127.0.0.1", "-p", str(machine.ports["mosquitto"]), "-V", "5", *account, *options]
    env = clean_environment() | {"PATH": SEARCH, "XDG_CONFIG_HOME": "/nonexistent", "HOME": "/nonexistent"}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=20, check=False)


SESSION = ("-c", "-i", "keeper", "-q", "1", "-x", "3600", "-t", "vehicles/#")


def leave_messages(machine: Machine) -> None:
    """Let a session subscribe and go, and publish three messages that the broker has to keep for it."""
    assert client(machine, "mosquitto_sub", "platform", *SESSION, "-E").returncode == 0
    for number in "123":
        sent = client(machine, "mosquitto_pub", "device", "-q", "1", "-t", "vehicles/one/telemetry", "-m", number)
        assert sent.returncode == 0, sent.stderr


def messages_left(machine: Machine) -> list[str]:
    """Return what the broker has kept for the session."""
    return client(machine, "mosquitto_sub", "platform", *SESSION, "-C", "3", "-W", "2").stdout.split()


def test_what_the_broker_has_queued_survives_its_restart(machine: Machine) -> None:
    start(machine, "mosquitto")
    leave_messages(machine)
    machine.restart("mosquitto")
    assert messages_left(machine) == ["1", "2", "3"]
    warnings = [line for line in machine.log("mosquitto").splitlines() if "Warning" in line or "Error" in line]
    assert [line for line in warnings if "should not be run as root" not in line] == []
    # The control: without persistence the same messages are gone.
    set_line(machine, "mosquitto", "persistence true", "persistence false")
    machine.restart("mosquitto")
    leave_messages(machine)
    machine.restart("mosquitto")
    assert messages_left(machine) == []


def test_what_the_broker_has_saved_survives_its_sudden_death(machine: Machine) -> None:
    start(machine, "mosquitto")
    set_line(machine, "mosquitto", "autosave_interval 10", "autosave_interval 1")
    machine.restart("mosquitto")
    leave_messages(machine)
    saved, moment = machine.folder("mosquitto") / "data" / "mosquitto.db", time.time()
    eventually(lambda: saved.exists() and saved.stat().st_mtime > moment + 0.1, "the broker has saved since", 20)
    machine.restart("mosquitto", signal.SIGKILL)
    assert messages_left(machine) == ["1", "2", "3"]


def test_nobody_gets_in_without_a_password_and_devices_read_nothing_of_others(machine: Machine) -> None:
    start(machine, "mosquitto")
    probe = ("-t", "vehicles/one/telemetry", "-m", "1", "-q", "1")
    assert client(machine, "mosquitto_pub", None, *probe).returncode != 0
    assert client(machine, "mosquitto_pub", "device", *probe, "-P", "wrong").returncode != 0
    kept = ("-m", "here", "-r", "-q", "1")
    for topic in ("status/vehicle_01", "commands/vehicle_01", "commands/vehicle_02"):
        assert client(machine, "mosquitto_pub", "platform", "-t", topic, *kept).returncode == 0
    everything = ("-t", "#", "-v", "-W", "1")
    seen = client(machine, "mosquitto_sub", "platform", *everything).stdout.splitlines()
    assert seen == ["status/vehicle_01 here", "commands/vehicle_01 here", "commands/vehicle_02 here"]
    own = client(machine, "mosquitto_sub", "device", "-i", "vehicle_01", *everything).stdout.splitlines()
    assert own == ["commands/vehicle_01 here"]


def test_passwords_stay_out_of_reach(machine: Machine) -> None:
    passwords = [value for name, value in machine.values.items() if name.endswith("_PASSWORD")]
    for name in ("mosquitto", "redis"):
        start(machine, name)
        assert not any(value in machine.command_line(name) for value in passwords), name
        files = [path for path in machine.folder(name).rglob("*") if path.is_file()]
        holding = [path for path in files if any(value.encode() in path.read_bytes() for value in passwords)]
        assert holding, name
        assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in holding), name
        assert not [path for path in holding if path.name == "passwords"], "they are kept as hashes"


# --- Redis -----------------------------------------------------------------------------------------------------------


def connect(machine: Machine, password: str | None) -> redis.Redis:
    return redis.Redis(port=machine.ports["redis"], password=password)


def test_what_redis_has_taken_survives_its_sudden_death(machine: Machine) -> None:
    start(machine, "redis")
    password = machine.values["REDIS_PASSWORD"]
    with connect(machine, password) as client:
        entry = client.xadd("dataflow:batches", {"n": 1})
        persistence, memory = client.info("persistence"), client.info("memory")
    assert (persistence["aof_enabled"], memory["maxmemory_policy"]) == (1, "noeviction")
    assert memory["maxmemory"] == 512 * 1024 * 1024
    machine.restart("redis", signal.SIGKILL)
    with connect(machine, password) as client:
        assert [found for found, _ in client.xrange("dataflow:batches")] == [entry]


def test_redis_asks_for_the_password_and_lets_nobody_reconfigure_it(machine: Machine) -> None:
    start(machine, "redis")
    for password in (None, "wrong"):
        with connect(machine, password) as client, pytest.raises((redis.AuthenticationError, redis.ResponseError)):
            client.ping()
    with connect(machine, machine.values["REDIS_PASSWORD"]) as client:
        for command in (("CONFIG", "SET", "dir", "/tmp"), ("FLUSHALL",), ("SHUTDOWN",), ("REPLICAOF", "NO", "ONE")):
            with pytest.raises(redis.exceptions.NoPermissionError):
                client.execute_command(*command)


def test_a_full_redis_refuses_instead_of_forgetting(machine: Machine) -> None:
    machine.services["redis"]["environment"]["MEMORY"] = "4mb"
    start(machine, "redis")
    with connect(machine, machine.values["REDIS_PASSWORD"]) as client:
        taken: list[object] = []
        while len(taken) < 100:
            try:
                taken.append(client.xadd("dataflow:batches", {"batch": secrets.token_bytes(100_000)}))
            except redis.OutOfMemoryError:
                break
        assert 0 < len(taken) < 100, "it has neither refused everything nor taken 10 MB"
        assert [entry for entry, _ in client.xrange("dataflow:batches")] == taken


def test_a_redis_with_a_cut_file_starts_and_says_so_and_with_a_damaged_one_refuses(machine: Machine) -> None:
    start(machine, "redis")
    with connect(machine, machine.values["REDIS_PASSWORD"]) as client:
        for number in range(20):
            client.xadd("dataflow:batches", {"n": number, "batch": b"x" * 100})
    (growing,) = machine.folder("redis").rglob("*.incr.aof")
    with growing.open("rb+") as file:
        file.truncate(growing.stat().st_size - 50)
    machine.restart("redis", signal.SIGKILL)
    with connect(machine, machine.values["REDIS_PASSWORD"]) as client:
        assert client.xlen("dataflow:batches") == 19
    assert "short read" in machine.log("redis").lower()
    content = bytearray(growing.read_bytes())
    content[content.index(b"$100", len(content) // 2)] ^= 1
    growing.write_bytes(content)
    with pytest.raises(AssertionError, match="Bad file format"):
        machine.restart("redis", signal.SIGKILL)


# --- PostgreSQL ------------------------------------------------------------------------------------------------------


def test_the_platforms_role_owns_its_database_and_is_no_superuser(machine: Machine) -> None:
    start(machine, "postgres")
    url = machine.environment("migrate")["DATABASE_URL"]
    with psycopg.connect(url) as database:
        row = database.execute(
            "SELECT rolsuper, rolcreaterole, rolcreatedb, current_setting('fsync'), current_setting('shared_buffers') "
            "FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        assert row == (False, False, False, "on", "256MB")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            database.execute("COPY (SELECT 1) TO PROGRAM 'true'")
    machine.superuser("-c", "CREATE ROLE stranger LOGIN PASSWORD 'stranger'")
    host = url.partition("@")[2]
    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        psycopg.connect(f"postgres://stranger:stranger@{host}")
