""".env.example explains every setting, and nothing that does not exist; deploy/new-env.sh makes a .env of it."""

from __future__ import annotations

import ast
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from dotenv import dotenv_values

from dataflow.lib.env import Environment
from tests import composefile
from tests.composefile import EXAMPLE_FILE, ROOT

ROOMS = ("dataflow", "ingest", "validation", "insights", "dashboard", "simulators")
# How settings are read: the methods of dataflow.lib.env.Environment, and a function in dataflow/settings.py.
METHODS = {name for name in vars(Environment) if not name.startswith("_")}
FUNCTIONS = {"service"}
# Read by dataflow.lib.env itself, before there is an Environment.
READ_FIRST = {"DATA_DIR"}


def settings_read() -> set[str]:
    """Return the names of all variables that the code reads."""
    files = [path for room in ROOMS for path in (ROOT / room).rglob("*.py") if "tests" not in path.parts]
    return READ_FIRST | {name for path in files for name in _names_read(ast.parse(path.read_text()))}


def _names_read(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
            continue
        match node.func:
            case ast.Attribute(attr=called):
                reads = called in METHODS
            case ast.Name(id=called):
                reads = called in FUNCTIONS
            case _:
                reads = False
        name = node.args[0].value
        if reads and isinstance(name, str) and re.fullmatch(r"[A-Z][A-Z0-9_]+", name):
            yield name


def test_the_reader_of_settings_finds_those_that_are_there() -> None:
    assert {"DATABASE_URL", "BUFFER_URLS", "SECRET_KEY", "ALLOWED_HOSTS", "LOG_LEVEL"} <= settings_read()


def test_every_setting_is_explained_and_every_explanation_belongs_to_a_setting() -> None:
    assert set(composefile.explained()) == settings_read() | composefile.variables()


def test_what_docker_compose_passes_on_is_read_by_the_platform() -> None:
    passed = {
        name
        for service in composefile.read()["services"].values()
        if service["image"] == "dataflow"
        for name in service["environment"]
    }
    # Celery's own switch, which `manage.py up` sets as well.
    assert passed - settings_read() == {"CELERY_SKIP_CHECKS"}


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    (tmp_path / "deploy").mkdir()
    shutil.copy(EXAMPLE_FILE, tmp_path)
    shutil.copy(ROOT / "deploy" / "new-env.sh", tmp_path / "deploy")
    return tmp_path


def new_env(clone: Path) -> subprocess.CompletedProcess[str]:
    """Run the script from another folder, as people do."""
    command = ["sh", str(clone / "deploy" / "new-env.sh")]
    return subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=20, check=False)


def test_the_example_itself_holds_no_secret() -> None:
    values = dotenv_values(EXAMPLE_FILE, interpolate=False)
    assert values
    assert set(values.values()) == {""}


def test_a_new_env_file_has_a_secret_of_its_own_for_everything(clone: Path) -> None:
    assert new_env(clone).returncode == 0
    values = dotenv_values(clone / ".env", interpolate=False)
    assert set(values) == set(dotenv_values(EXAMPLE_FILE, interpolate=False))
    assert all(re.fullmatch(r"[0-9a-f]{64}", value or "") for value in values.values())
    assert len(set(values.values())) == len(values)
    assert stat.S_IMODE((clone / ".env").stat().st_mode) == 0o600
    assert not (clone / ".env.new").exists()


def test_an_env_file_is_never_replaced(clone: Path) -> None:
    (clone / ".env").write_text("SECRET_KEY=mine\n")
    answer = new_env(clone)
    assert answer.returncode == 1
    assert "already" in answer.stderr
    assert (clone / ".env").read_text() == "SECRET_KEY=mine\n"


def test_docker_compose_starts_nothing_without_the_secrets(clone: Path) -> None:
    new_env(clone)
    values = {name: value or "" for name, value in dotenv_values(clone / ".env", interpolate=False).items()}
    assert composefile.services(values)
    for name in values:
        with pytest.raises(composefile.MissingVariable, match=name):
            composefile.services(values | {name: ""})


def test_the_script_may_be_run_as_a_program() -> None:
    assert os.access(ROOT / "deploy" / "new-env.sh", os.X_OK)
