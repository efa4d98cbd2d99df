"""docker-compose.yml and the Dockerfile, as far as they can be checked without starting anything."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class

from dataflow.embedded.programs import Programs
from tests import composefile
from tests.composefile import COMPOSE_FILE, ROOT

VALUES = {name: name.lower() for name in composefile.explained() if name.endswith(("_PASSWORD", "SECRET_KEY"))}
SERVICES = composefile.services(VALUES)
PLATFORM = {name: service for name, service in SERVICES.items() if service["image"] == "dataflow"}
# PYTHONWARNINGS keeps Celery from warning about root, and here nothing runs as root.
SET_BY_THE_IMAGE = {"PYTHONUNBUFFERED", "MALLOC_ARENA_MAX", "DJANGO_SETTINGS_MODULE", "PYTHONWARNINGS"}
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def follows_the_schema(path: Path) -> bool:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(path)]
    return subprocess.run(command, capture_output=True, timeout=60, check=False).returncode == 0


def test_the_file_follows_the_compose_specification(tmp_path: Path) -> None:
    assert follows_the_schema(COMPOSE_FILE)
    wrong = tmp_path / "docker-compose.yml"
    wrong.write_text(COMPOSE_FILE.read_text().replace("healthcheck:", "healthchek:"))
    assert not follows_the_schema(wrong)


def test_all_parts_of_the_platform_are_there() -> None:
    assert {"mosquitto", "redis", "buffer-1", "buffer-2", "postgres"} == SERVICES.keys() - PLATFORM.keys()
    assert {"migrate", "bridge", "worker", "scheduler", "watch", "site", "simulators"} == PLATFORM.keys()


def test_every_service_is_pinned_confined_and_restarted() -> None:
    for name, service in SERVICES.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert service["restart"] == ("no" if name == "migrate" else "unless-stopped"), name
        if name in PLATFORM:
            assert (service["build"], service["pull_policy"]) == (".", "never"), name
            assert "user" not in service, f"{name}: the image says which"
        else:
            assert re.fullmatch(r"[a-z-]+:\d+(\.\d+)*(-[a-z]+)?", service["image"]), name
            assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", service["user"]), name


def test_every_service_but_the_migration_has_a_health_check() -> None:
    assert [name for name, service in SERVICES.items() if "healthcheck" not in service] == ["migrate"]
    for name, service in SERVICES.items():
        for dependency, how in service.get("depends_on", {}).items():
            condition = how["condition"]
            assert dependency in SERVICES, name
            assert (condition == "service_completed_successfully") == (dependency == "migrate"), name
            assert condition != "service_healthy" or "healthcheck" in SERVICES[dependency], name


def test_ports_are_published_on_this_machine_only() -> None:
    published = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(published) == 2
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_what_is_mounted_exists() -> None:
    declared = composefile.read()["volumes"]
    used = set()
    for service in SERVICES.values():
        for mount in service.get("volumes", []):
            source = mount.split(":")[0]
            if source.startswith("./"):
                assert (ROOT / source).is_dir(), source
                assert mount.endswith(":ro"), source
            else:
                used.add(source)
    assert used == set(declared)


# --- Commands --------------------------------------------------------------------------------------------------------


def plain(argv: Sequence[str]) -> list[str]:
    """Return a command line as docker-compose.yml writes it, without what differs from machine to machine."""
    words = ["python" if word == sys.executable else word.removeprefix(f"{ROOT}/") for word in argv]
    for option in ("-b", "-p", "-n", "--name"):
        if option in words:
            at = words.index(option)
            del words[at : at + 2]
    return words


def test_the_platform_runs_the_same_programs_as_the_one_command_does() -> None:
    programs = Programs(base=ROOT, settings={}, bind="127.0.0.1", port=8000, bridges=1, workers=1, simulated=10)
    of_up = [programs.set_up(), *(program for _, program in (*programs.running(), *programs.simulators()))]
    assert sorted(plain(service["command"]) for service in PLATFORM.values()) == sorted(
        plain(program.argv) for program in of_up
    )
    for name, service in PLATFORM.items():
        own = next(program for program in of_up if plain(program.argv) == plain(service["command"]))
        extra = {key: value for key, value in own.env.items() if key not in SET_BY_THE_IMAGE}
        assert extra.items() <= service["environment"].items(), name
        if name != "migrate":
            assert float(service.get("stop_grace_period", "10s").rstrip("s")) >= own.stop_seconds, name


def manage_commands() -> list[list[str]]:
    return [service["command"][1:] for service in PLATFORM.values() if service["command"][1] == "manage.py"]


@pytest.mark.parametrize("command", manage_commands(), ids=lambda command: command[1])
def test_every_management_command_exists_and_takes_its_options(command: list[str]) -> None:
    name, options = command[1], command[2:]
    found = load_command_class(get_commands()[name], name)
    assert vars(found.create_parser("manage.py", name).parse_args(options))


# --- The image -------------------------------------------------------------------------------------------------------


def instructions(name: str) -> list[str]:
    """Return the arguments of every instruction of a kind, in order."""
    joined = DOCKERFILE.replace("\\\n", " ")
    return re.findall(rf"^{name}\s+(.*)$", joined, re.MULTILINE)


def test_the_image_ends_as_an_ordinary_user() -> None:
    last_stage = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
    users = re.findall(r"^USER (\d+):(\d+)$", last_stage, re.MULTILINE)
    assert users
    assert all(int(number) > 0 for number in users[-1])
    assert not re.search(r"^RUN ", last_stage[last_stage.rindex("\nUSER ") :], re.MULTILINE)


def test_every_base_image_is_pinned_and_the_python_is_the_one_of_the_requirements() -> None:
    bases = [line.split()[0] for line in instructions("FROM")]
    assert all(re.fullmatch(r"[a-z]+:\d+(\.\d+)*-[a-z-]+", base) for base in bases)
    compiled_for = re.search(r"--python-version (\S+)", (ROOT / "Makefile").read_text())
    assert compiled_for is not None
    assert {base for base in bases if base.startswith("python")} == {f"python:{compiled_for[1]}-slim-bookworm"}


def copied() -> list[str]:
    sources = [line.split()[:-1] for line in instructions("COPY") if not line.startswith("--from")]
    return [source.rstrip("/") for line in sources for source in line]


def test_what_the_image_copies_exists_and_nothing_else_reaches_the_build() -> None:
    let_through = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert set(copied()) == let_through
    assert all((ROOT / source).exists() for source in copied())


def test_the_image_holds_every_room() -> None:
    rooms = {app.split(".")[0] for app in settings.INSTALLED_APPS if (ROOT / app.split(".")[0]).is_dir()}
    assert rooms <= set(copied())


def test_the_image_holds_the_front_end_files_that_pages_ask_for() -> None:
    wanted = {str(Path(folder).relative_to(ROOT)) for _, folder in settings.STATICFILES_DIRS}
    from_npm = [line.split()[1:] for line in instructions("COPY") if line.startswith("--from=front")]
    assert {target for _, target in from_npm} == wanted
    assert all(source == f"/app/{target}" for source, target in from_npm)


def test_packages_are_checked_against_their_hashes_and_nothing_is_compiled() -> None:
    install = next(line for line in instructions("RUN") if "pip install" in line)
    assert "--require-hashes" in install
    assert "--only-binary :all:" in install
    assert "--hash=sha256:" in (ROOT / "requirements.txt").read_text()
    assert any(line.startswith("npm ci ") and "--ignore-scripts" in line for line in instructions("RUN"))


def uses(service: dict[str, Any], path: str) -> bool:
    return any(path in word for word in service.get("healthcheck", {}).get("test", []))


def test_health_checks_run_files_that_are_in_the_image() -> None:
    users = [name for name, service in PLATFORM.items() if uses(service, "dataflow/lib/heartbeat.py")]
    assert users == ["bridge", "worker", "scheduler", "watch", "simulators"]
    assert (ROOT / "dataflow" / "lib" / "heartbeat.py").is_file()
