"""Where a setting comes from, and what is said when it is missing, unreadable or contradicts another one.

Each test runs a command of its own, in a copy of the project, because settings are read once in a process.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.project import clean_environment, copy_of_project

COMPLETE = {
    "DATABASE_URL": "postgres://somebody:secret@127.0.0.1:1/nothing",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "BUFFER_URLS": "redis://127.0.0.1:2/0,redis://127.0.0.1:3/0",
    "MQTT_URL": "mqtt://127.0.0.1:4",
    "SECRET_KEY": "only for this test",
}
WRONG = [
    ("DATABASE_URL", "mysql://127.0.0.1/x", "DATABASE_URL must start with postgres:// or postgresql://."),
    ("DATABASE_URL", "postgres://127.0.0.1:port/x", "DATABASE_URL is not a URL: "),
    ("REDIS_URL", "127.0.0.1:6379", "REDIS_URL must start with redis:// or rediss:// or unix://."),
    ("MQTT_URL", "http://127.0.0.1", "MQTT_URL must start with mqtt:// or mqtts://."),
    ("MQTT_URL", "mqtt://", "MQTT_URL names no host."),
    ("SITE_URL", "ftp://example.org", "SITE_URL must start with http:// or https://."),
    ("DEBUG", "maybe", "DEBUG is 'maybe': expected true or false."),
    ("MQTT_SHARED", "2", "MQTT_SHARED is '2': expected true or false."),
    ("QUARANTINE_DAYS", "0", "QUARANTINE_DAYS is '0': expected a whole number of 1 or more."),
    ("BUFFER_URLS", "redis://127.0.0.1:2/0,redis://127.0.0.1:2/0", "BUFFER_URLS names one server twice."),
    ("BUFFER_URLS", " , ", "BUFFER_URLS names no server."),
]
# Reads the settings anew for each case: starting a process for each would take a second.
READ_EACH = """
import importlib, json, os, sys
said = []
for name, value, _ in json.loads(sys.argv[1]):
    before = dict(os.environ)
    os.environ[name] = value
    sys.modules.pop("dataflow.settings", None)
    try:
        importlib.import_module("dataflow.settings")
    except Exception as error:
        said.append(f"{error}" if type(error).__name__ == "ImproperlyConfigured" else repr(error))
    else:
        said.append("nothing")
    os.environ.clear()
    os.environ.update(before)
print(json.dumps(said))
"""
PRINT = (
    "import json, sys; from dataflow import settings; print(json.dumps([getattr(settings, n) for n in sys.argv[1:]]))"
)
WRONG_SETTINGS = 2


class Clone:
    """A copy of the project with an `.env` and a running stack's file of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = copy_of_project(folder)
        self.dot_env = self.folder / ".env"
        self.stack_env = self.folder / "var" / "stack.env"
        self.stack_env.parent.mkdir()

    def empty(self) -> None:
        """Forget what a test has written."""
        for path in (self.dot_env, self.stack_env):
            path.unlink(missing_ok=True)

    def manage(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run a command with some settings in its environment."""
        return self.run("manage.py", *arguments, **settings)

    def values(self, *names: str, **settings: str) -> list[Any]:
        """Return what the settings are when the environment says so."""
        done = self.run("-c", PRINT, *names, **settings)
        assert done.returncode == 0, done.stderr
        values: list[Any] = json.loads(done.stdout)
        return values

    def complaint(self, **settings: str) -> str:
        """Return what a command says to wrong settings: one line that explains, and the exit code for that."""
        done = self.manage("audit", **settings)
        assert done.returncode == WRONG_SETTINGS, done.stderr
        (line,) = done.stderr.splitlines()
        return line

    def run(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """Run Python in the project's folder with some settings in its environment."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=clean_environment() | settings,
            capture_output=True,
            text=True,
            timeout=60,
        )


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> Clone:
    return Clone(tmp_path_factory.mktemp("settings") / "project")


@pytest.fixture
def clone(copied: Clone) -> Iterator[Clone]:
    yield copied
    copied.empty()


@pytest.fixture(scope="module")
def said_to_wrong_values(copied: Clone) -> list[str]:
    done = copied.run("-c", READ_EACH, json.dumps(WRONG), **COMPLETE)
    assert done.returncode == 0, done.stderr
    said: list[str] = json.loads(done.stdout)
    return said


def test_each_service_that_is_missing_is_named_with_what_to_do(clone: Clone) -> None:
    done = clone.manage("audit")
    assert done.returncode != 0
    for name in COMPLETE:
        assert f"{name} is not set." in done.stderr
    assert "Start `manage.py up`" in done.stderr
    assert "Traceback" not in done.stderr


def test_only_what_is_missing_is_named(clone: Clone) -> None:
    done = clone.manage("audit", **{name: value for name, value in COMPLETE.items() if name != "DATABASE_URL"})
    assert [line.split()[-4:] for line in done.stderr.splitlines() if "is not set" in line] == [
        ["DATABASE_URL", "is", "not", "set."]
    ]


def test_a_service_that_cannot_be_reached_is_another_error_than_one_that_is_missing(clone: Clone) -> None:
    done = clone.manage("audit", **COMPLETE)
    assert done.returncode == 3
    assert "cannot be reached" in done.stderr
    assert "secret" not in done.stderr


def test_a_name_and_its_file_in_one_place_contradict_each_other(clone: Clone, tmp_path: Path) -> None:
    said = clone.complaint(SECRET_KEY="one", SECRET_KEY_FILE=str(tmp_path))
    assert said == "Both SECRET_KEY and SECRET_KEY_FILE are set. Keep one of them."


@pytest.mark.parametrize(("name", "value", "said"), WRONG)
def test_a_value_that_does_not_parse_is_named_with_what_is_expected(
    said_to_wrong_values: list[str], name: str, value: str, said: str
) -> None:
    assert said_to_wrong_values[WRONG.index((name, value, said))].startswith(said)


def test_a_wrong_value_ends_a_command_with_one_line(clone: Clone) -> None:
    assert clone.complaint(**COMPLETE, DEBUG="maybe") == "DEBUG is 'maybe': expected true or false."


def test_a_file_that_is_not_there_is_named(clone: Clone, tmp_path: Path) -> None:
    said = clone.complaint(DATABASE_URL_FILE=str(tmp_path / "nothing"))
    assert said.startswith(f"DATABASE_URL_FILE names {tmp_path / 'nothing'}, which cannot be read: ")


def test_a_value_comes_from_the_file_that_is_named(clone: Clone, tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("from a file\n")
    assert clone.values("SECRET_KEY", SECRET_KEY_FILE=str(secret)) == ["from a file"]


def test_dot_env_is_read_in_both_forms(clone: Clone, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("mqtt://broker.example:1884\n")
    clone.dot_env.write_text(f"SECRET_KEY='from .env'\nMQTT_URL_FILE={tmp_path / 'url'}\nDEBUG=yes\n")
    assert clone.values("SECRET_KEY", "MQTT_URL", "DEBUG") == ["from .env", "mqtt://broker.example:1884", True]


def test_the_environment_wins_over_dot_env_and_that_over_the_running_stack(clone: Clone) -> None:
    names = ("REDIS_URL", "MQTT_URL", "SECRET_KEY")
    clone.stack_env.write_text("REDIS_URL='redis://stack:1/0'\nMQTT_URL='mqtt://stack'\nSECRET_KEY='stack'\n")
    assert clone.values(*names) == ["redis://stack:1/0", "mqtt://stack", "stack"]
    clone.dot_env.write_text("MQTT_URL=mqtt://dot-env\nSECRET_KEY=dot-env\n")
    assert clone.values(*names) == ["redis://stack:1/0", "mqtt://dot-env", "dot-env"]
    assert clone.values(*names, SECRET_KEY="environment") == ["redis://stack:1/0", "mqtt://dot-env", "environment"]


def test_a_file_in_a_place_that_comes_first_wins_over_a_value_in_a_later_one(clone: Clone, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("from a file")
    clone.dot_env.write_text("SECRET_KEY=dot-env\n")
    assert clone.values("SECRET_KEY", SECRET_KEY_FILE=str(tmp_path / "key")) == ["from a file"]


def test_the_running_stack_is_looked_for_where_data_dir_says(clone: Clone, tmp_path: Path) -> None:
    (tmp_path / "stack.env").write_text("SECRET_KEY='elsewhere'\n")
    assert clone.values("SECRET_KEY", DATA_DIR=str(tmp_path)) == ["elsewhere"]
    clone.dot_env.write_text(f"DATA_DIR={tmp_path}\n")
    assert clone.values("SECRET_KEY") == ["elsewhere"]


def test_two_addresses_that_are_one_buffer_are_refused_where_they_can_be_told(clone: Clone) -> None:
    from django.conf import settings

    first = settings.BUFFER_URLS[0]
    given = COMPLETE | {"BUFFER_URLS": f"{first},{first.replace('127.0.0.1', 'localhost')}"}
    done = clone.manage("run_bridge", **given)
    assert done.returncode == WRONG_SETTINGS, done.stderr
    assert "are the same server" in done.stderr
    assert first not in done.stderr, "with the password"
