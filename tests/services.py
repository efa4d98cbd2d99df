"""A pytest plugin: real services for the whole session, started before Django reads its settings.

Loaded with `-p tests.services`. PostgreSQL, three Valkey servers and the MQTT broker start on free ports with their
data in a temporary folder, each only where the environment does not name one, so the same tests run against other
servers by URL. They end with the session, also when it is killed.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from dataflow.embedded.plan import plan_services
from dataflow.embedded.ports import Ports
from dataflow.embedded.running import start_services

# A machine that does other things at the same time is slow without anything being wrong.
settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")

_stack = ExitStack()
# pytest does not call pytest_unconfigure when another plugin fails while it loads.
atexit.register(_stack.close)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """Start the services before any other plugin's turn: pytest-django loads the settings in its own."""
    asked = early_config.known_args_namespace
    # Of several processes each has services of its own, and the one that only shares the tests out needs none.
    shares_out = getattr(asked, "numprocesses", None) and "PYTEST_XDIST_WORKER" not in os.environ
    if not (getattr(asked, "help", False) or getattr(asked, "version", 0) or shares_out):
        start_for_the_session()
    return (yield)


def pytest_unconfigure() -> None:
    """Stop the services and remove their data."""
    _stack.close()


def start_for_the_session() -> None:
    """Start what the environment does not name and name it there."""
    folder = Path(tempfile.mkdtemp(prefix="dataflow-tests-"))
    folder.chmod(0o755)  # PostgreSQL may run as another user; what is secret has modes of its own
    _stack.callback(shutil.rmtree, folder, ignore_errors=True)
    data_dir = Path(os.environ.setdefault("DATA_DIR", str(folder / "data")))
    plan = plan_services(folder, is_named, Ports(anywhere=True))
    os.environ.update(_stack.enter_context(start_services(plan, folder / "logs")))
    data_dir.mkdir(parents=True, exist_ok=True)


def is_named(name: str) -> bool:
    """Tell whether the environment names a setting, itself or by a file."""
    return bool(os.environ.get(name) or os.environ.get(f"{name}_FILE"))
