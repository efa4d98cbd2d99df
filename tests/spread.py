"""A pytest plugin: how `pytest -n` shares the tests out over processes.

The tests of a file stay together, in their order, because they may share something. So do all that look at a stack
that takes half a minute to start (the fixtures `stack` and `debian_stack`): each is started once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from xdist.scheduler import Scheduling

# Folders and files whose tests look at the same stack.
TOGETHER = {
    "the stack": (
        "tests/browser/",
        "tests/test_whole_path.py",
        "tests/test_bench.py",
        "tests/test_faults.py",
        "tests/test_findings.py",
        "tests/test_compose_running.py",
    ),
    "the Debian stack": ("tests/test_debian.py", "tests/test_outage.py"),
}


class ByFileAndStack(LoadScopeScheduling):  # type: ignore[misc]  # xdist gives no types for it
    """Hand out whole files, and what shares the stack as if it were one."""

    def _split_scope(self, nodeid: str) -> str:
        """Return what a test belongs to."""
        file = nodeid.partition("::")[0]
        return next((name for name, files in TOGETHER.items() if file.startswith(files)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Share out in our way whatever `--dist` says."""
    return ByFileAndStack(config, log)
