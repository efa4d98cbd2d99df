"""A pytest plugin: how `pytest -n` shares the tests out over processes.

The tests of a file stay together, in their order, because they may share something. So do all that look at the stack
that takes half a minute to start (the fixture `stack`): it is started once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from xdist.scheduler import Scheduling

# Folders and files whose tests look at that stack.
ONE_STACK = ("tests/browser/", "tests/test_whole_path.py", "tests/test_faults.py", "tests/test_compose_running.py")


class ByFileAndStack(LoadScopeScheduling):  # type: ignore[misc]  # xdist gives no types for it
    """Hand out whole files, and what shares the stack as if it were one."""

    def _split_scope(self, nodeid: str) -> str:
        """Return what a test belongs to."""
        file = nodeid.partition("::")[0]
        return "the stack" if file.startswith(ONE_STACK) else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Share out in our way whatever `--dist` says."""
    return ByFileAndStack(config, log)
