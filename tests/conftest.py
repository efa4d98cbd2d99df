"""What the tests of the whole platform share: running stacks, because each takes some ten seconds to start."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import spread
from tests.debian import Debian, missing_programs
from tests.project import copy_of_project, eventually
from tests.stack import RunningStack
from tests.visitor import Program


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the project without anybody's `.env`."""
    return copy_of_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="session")
def stack(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """Return the stack that most tests look at: everything embedded, ten vehicles."""
    folder = tmp_path_factory.mktemp("stack")
    stack = RunningStack(project, folder, simulate=10)
    try:
        stack.start()
        spread.RUNNING["the stack"] = stack
        yield stack
        if stack.is_running:
            stack.stop()
    finally:
        stack.end()
        shutil.rmtree(stack.data_dir, ignore_errors=True)  # its log stays, as long as pytest keeps it


@pytest.fixture(scope="session")
def api(stack: RunningStack) -> Program:
    """Return a program with a token that may read and publish."""
    token = stack.manage("create_token", "--user", "tests", "--role", "Operator").strip()
    return Program(stack.url, token)


@pytest.fixture(scope="session")
def live_site(stack: RunningStack) -> RunningStack:
    """Return the site that the tests in a browser look at."""
    return stack


@pytest.fixture
def restart_site(stack: RunningStack) -> Callable[[], None]:
    """Return a function that kills the site; it returns once `up` has started it again and it answers."""

    def restart() -> None:
        killed = stack.kill("site")
        eventually(
            lambda: bool({process.pid for process in stack.processes("site")} - {killed}), "a new site is started"
        )
        eventually(lambda: stack.answers("/readyz"), "the site answers again", 60)

    return restart


@pytest.fixture(scope="session")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Debian]:
    """Return PostgreSQL, three Redis servers and Mosquitto as Debian packages them."""
    if missing := missing_programs():
        pytest.skip(f"not installed: {', '.join(missing)} (apt-get install postgresql redis-server mosquitto)")
    folder = tmp_path_factory.mktemp("debian")
    folder.chmod(0o755)
    with Debian(folder) as servers:
        yield servers
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def debian_stack(debian: Debian, project: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningStack]:
    """Return a stack on Debian's services, with three vehicles."""
    folder = tmp_path_factory.mktemp("debian-stack")
    stack = RunningStack(project, folder, simulate=3, given=debian.settings)
    try:
        stack.start()
        spread.RUNNING["the Debian stack"] = stack
        yield stack
        if stack.is_running:
            stack.stop()
    finally:
        stack.end()
        shutil.rmtree(stack.data_dir, ignore_errors=True)  # its log stays, as long as pytest keeps it
