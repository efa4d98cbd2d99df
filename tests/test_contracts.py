"""What every part of the project keeps to: who imports whom, how long a file may be, what help and documents say."""

from __future__ import annotations

import argparse
import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from tests.project import BASE, ROOMS, copy_of_project

LONGEST_FILE, LONGEST_FUNCTION = 400, 60  # lines; twice what we aim at
LINT = "import sys; from importlinter.cli import lint_imports_command; sys.exit(lint_imports_command())"
COMMANDS = sorted(name for name, room in get_commands().items() if room in ROOMS)
README = BASE / "README.md"
SUBPARSERS = argparse._SubParsersAction
ENVIRONMENT_CALLS = {"find", "text", "flag", "count", "names", "url", "urls"}

needs_readme = pytest.mark.skipif(not README.is_file(), reason="README.md is not written yet")


def sources() -> Iterator[Path]:
    """Yield every Python file of ours, but for migrations, which Django writes."""
    yield BASE / "manage.py"
    for folder in (*ROOMS, "tests"):
        yield from (path for path in sorted((BASE / folder).rglob("*.py")) if "migrations" not in path.parts)


def documents() -> list[Path]:
    return [README, BASE / "CONTRIBUTING.md", *sorted((BASE / "docs").rglob("*.md"))]


# --- Imports -------------------------------------------------------------------------------------------------------


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LINT, "--no-cache"], cwd=folder, capture_output=True, text=True, timeout=120
    )


def test_imports_point_upstream_only() -> None:
    linted = lint_imports(BASE)
    assert linted.returncode == 0, linted.stdout
    assert " 0 broken" in linted.stdout


@pytest.mark.parametrize(
    ("importer", "imported", "contract"),
    [
        ("ingest/topics.py", "validation.spec", "Data flows downstream, imports point upstream"),
        ("validation/pipeline.py", "redis", "The pure core knows neither Django nor the network"),
        ("simulators/vehicle.py", "ingest.topics", "A simulated device shares no code with the server"),
    ],
)
def test_an_import_that_points_downstream_is_noticed(
    tmp_path: Path, importer: str, imported: str, contract: str
) -> None:
    project = copy_of_project(tmp_path / "project")
    shutil.copy2(BASE / "pyproject.toml", project)
    # Contracts leave out what the rooms' own tests import, which a copy to run from does not have.
    for room in ROOMS:
        if (BASE / room / "tests").is_dir():
            shutil.copytree(BASE / room / "tests", project / room / "tests")
    path = project / importer
    path.write_text(f"{path.read_text()}\nimport {imported}\n")
    linted = lint_imports(project)
    assert linted.returncode == 1, linted.stdout + linted.stderr
    assert f"{contract} BROKEN" in " ".join(linted.stdout.split())


def test_services_can_be_started_before_the_settings_are_read() -> None:
    look = "import sys, tests.services; sys.exit('dataflow.settings' in sys.modules)"
    subprocess.run([sys.executable, "-c", look], cwd=BASE, check=True, timeout=60)


# --- Sizes ---------------------------------------------------------------------------------------------------------


def test_no_file_is_longer_than_what_one_reads_at_once() -> None:
    lengths = {str(path.relative_to(BASE)): len(path.read_text().splitlines()) for path in sources()}
    assert {path: length for path, length in lengths.items() if length > LONGEST_FILE} == {}


def test_no_function_is_longer_than_a_screen() -> None:
    long = {}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    long[f"{path.relative_to(BASE)}:{node.lineno} {node.name}"] = length
    assert long == {}


# --- Help and documents --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_has_examples_that_it_understands(name: str) -> None:
    parser = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
    text = parser.format_help()
    assert re.search(r"^examples?:$", text, re.MULTILINE), text
    examples = re.findall(rf"manage\.py {name}\b(?: +--?[a-z][\w-]*)*", text.partition("example")[2])
    assert examples, text
    parsers = [
        parser,
        *(sub for action in parser._actions if isinstance(action, SUBPARSERS) for sub in action.choices.values()),
    ]
    known = {option for one in parsers for action in one._actions for option in action.option_strings}
    used = set(re.findall(r"(?<!\w)--[a-z][a-z-]*", text.partition("example")[2].partition("exit codes")[0]))
    assert used <= known | {"--help"}, f"the examples use options that {name} does not have"


@pytest.mark.parametrize("name", sorted({"audit", "bench", "replay", "services", "simulate_devices"}))
def test_a_command_that_answers_with_figures_answers_programs_too(name: str) -> None:
    assert "--json" in load_command_class(get_commands()[name], name).create_parser("manage.py", name).format_help()


def settings_that_are_read() -> set[str]:
    """Return the names that settings.py looks for in the environment."""
    names = {"DATA_DIR"}
    for node in ast.walk(ast.parse((BASE / "dataflow" / "settings.py").read_text())):
        if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
            continue
        of_environment = (
            isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "env"
            and node.func.attr in ENVIRONMENT_CALLS
        )
        if of_environment or (isinstance(node.func, ast.Name) and node.func.id == "service"):
            names.add(str(node.args[0].value))
    return names


@needs_readme
def test_every_command_and_every_setting_is_documented() -> None:
    text = "\n".join(path.read_text() for path in (*documents(), BASE / ".env.example"))
    settings = settings_that_are_read()
    assert {"DATABASE_URL", "MQTT_SHARED", "SECRET_KEY"} <= settings
    assert [name for name in (*COMMANDS, *sorted(settings)) if not re.search(rf"\b{name}\b", text)] == []


def test_files_and_make_targets_that_documents_name_are_there() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (BASE / "Makefile").read_text(), re.MULTILINE))
    missing = []
    for document in filter(Path.is_file, documents()):
        text = document.read_text()
        for name in re.findall(r"`((?:[\w.-]+/)+[\w*.-]+\.(?:py|js|html|css|yml|conf|toml|md))`", text):
            if not any(BASE.glob(name)) and not any(BASE.glob(f"*/{name}")):
                missing.append(f"{document.name}: {name}")
        missing += [
            f"{document.name}: {link}"
            for link in re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", text)
            if not (document.parent / link).exists()
        ]
        named = re.findall(r"`make ([a-z-]+)`", text)
        missing += [f"{document.name}: make {name}" for name in named if name not in targets]
    assert missing == []
