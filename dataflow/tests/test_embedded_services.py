"""The embedded services as a whole: start, stop, what survives, and who may run them."""

from __future__ import annotations

import json
import os
import pwd
import socket
import stat
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
import redis

from dataflow.embedded.plan import plan_services
from dataflow.embedded.ports import Ports
from dataflow.embedded.postgres import BINARIES, Postgres, account_for
from dataflow.embedded.private import kept_secret, write_private
from dataflow.embedded.probes import Unreachable, probe_database, probe_mqtt, probe_redis
from dataflow.embedded.program import Account, Program, ServiceError
from dataflow.embedded.running import start_services

BASE = Path(__file__).parents[2]
RUN = Path(__file__).with_name("run_services.py")
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


def run(folder: Path, note: str, account: Account | None = None) -> dict[str, object]:
    program = Program(name="run", argv=(sys.executable, str(RUN), str(folder), note), account=account)
    environment = os.environ | {"PYTHONPATH": str(BASE), "HOME": "/", "PYTHONDONTWRITEBYTECODE": "1"}
    result = subprocess.run(program.command(), env=environment, cwd="/", capture_output=True, text=True, timeout=60)
    assert result.returncode == 0, result.stderr
    answer: dict[str, object] = json.loads(result.stdout)
    return answer


def test_what_was_stored_survives_a_restart(tmp_path: Path) -> None:
    first = run(tmp_path, "one")
    second = run(tmp_path, "two")
    assert first["rows"] == ["one"]
    assert second["rows"] == ["one", "two"]
    assert second["entries"] == [["one", "two"], ["one", "two"]]
    assert second["superuser"] is False


@as_root
def test_an_ordinary_user_runs_everything(tmp_path: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    folder = tmp_path / "own"
    folder.mkdir()
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    # The right to pass through folders lets it reach Python and the clone where those lie under a closed one.
    answer = run(folder, "one", Account(name="nobody", uid=nobody.pw_uid, gid=nobody.pw_gid, search=True))
    assert answer["uid"] == nobody.pw_uid
    assert answer["rows"] == ["one"]
    assert (folder / "postgres").stat().st_uid == nobody.pw_uid


@as_root
def test_root_runs_everything_in_a_folder_that_nobody_else_may_enter(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    assert run(closed / "var", "one")["rows"] == ["one"]
    assert closed.stat().st_mode & 0o777 == 0o700
    assert (closed / "var" / "postgres").stat().st_uid != 0


@as_root
def test_postgres_may_pass_through_closed_folders_only_where_it_has_to() -> None:
    reachable = all(parent.stat().st_mode & stat.S_IXOTH for parent in (BINARIES, *BINARIES.parents))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        assert account_for(folder / "postgres").search is True
        folder.chmod(0o711)
        assert account_for(folder / "postgres").search is not reachable


def test_only_what_is_not_named_is_started(tmp_path: Path) -> None:
    named = {"DATABASE_URL", "REDIS_URL", "SECRET_KEY", "MQTT_URL"}
    plan = plan_services(tmp_path, named.__contains__, Ports(anywhere=True))
    assert [service.name for service in plan.services] == ["buffer-1", "buffer-2"]
    assert set(plan.settings) == {"BUFFER_URLS"}
    everything = {*named, "BUFFER_URLS"}
    assert plan_services(tmp_path, everything.__contains__, Ports()).services == ()


def test_a_taken_port_is_passed_over_and_the_port_of_the_last_run_is_taken_again(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert Ports().take(port) > port
    assert Ports().take(5432, last=port) == port
    ports = Ports()
    assert ports.take(port) != ports.take(port)


def test_the_ports_of_the_last_run_are_taken_again(tmp_path: Path) -> None:
    first = plan_services(tmp_path, lambda name: False, Ports(anywhere=True))
    second = plan_services(tmp_path, lambda name: False, Ports(), first.settings)
    assert dict(second.settings) == dict(first.settings)


def test_services_listen_on_this_machine_only_and_ask_for_passwords(tmp_path: Path) -> None:
    plan = plan_services(tmp_path, lambda name: False, Ports(anywhere=True))
    with start_services(plan, tmp_path / "logs") as settings:
        urls = [value for name, value in settings.items() if name.endswith("URL")] + settings["BUFFER_URLS"].split(",")
        assert {urlsplit(url).hostname for url in urls} == {"127.0.0.1"}
        ports = {urlsplit(url).port for url in urls}
        assert listeners(ports) == {(address, port) for address in ("0100007F",) for port in ports}
        probe_mqtt(settings["MQTT_URL"], version5=True)
        probe_mqtt(settings["MQTT311_URL"], version5=False)
        with pytest.raises(Unreachable):
            probe_redis(without_password(settings["REDIS_URL"]))
        with pytest.raises(Unreachable):
            probe_database(without_password(settings["DATABASE_URL"]))
        with redis.Redis.from_url(settings["REDIS_URL"]) as queue:
            assert queue.config_get("maxmemory-policy") == {"maxmemory-policy": "noeviction"}
            assert queue.config_get("appendonly") == {"appendonly": "yes"}
            assert queue.config_get("appendfsync") == {"appendfsync": "always"}
        with psycopg.connect(settings["DATABASE_URL"]) as database:
            durable = database.execute(
                "SELECT current_setting('fsync'), current_setting('synchronous_commit')"
            ).fetchone()
            assert durable == ("on", "on")


def listeners(ports: set[int | None]) -> set[tuple[str, int]]:
    """Return address (as the kernel writes it) and port of every listening socket on the given ports."""
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            address, port = fields[1].split(":")
            if fields[3] == "0A" and int(port, 16) in ports:
                found.add((address, int(port, 16)))
    return found


def without_password(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=f"{parts.username or ''}:wrong@{parts.hostname}:{parts.port}").geturl()


def test_data_of_another_version_of_postgres_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(ServiceError, match=r"PostgreSQL 9\.6"):
        Postgres(tmp_path, 1).prepare()


def test_an_interrupted_first_start_is_begun_anew(tmp_path: Path) -> None:
    half = tmp_path / "postgres.new"
    half.mkdir()
    (half / "PG_VERSION").write_text("18\n")
    Postgres(tmp_path, 1).prepare()
    assert (tmp_path / "postgres" / "global" / "pg_control").is_file()


def test_a_secret_is_made_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    secret = kept_secret(tmp_path, "thing")
    assert kept_secret(tmp_path, "thing") == secret
    assert len(secret) >= 32
    assert (tmp_path / "secrets" / "thing").stat().st_mode & 0o777 == 0o600
    write_private(tmp_path / "file", "one")
    write_private(tmp_path / "file", "two")
    assert (tmp_path / "file").read_text() == "two"
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
