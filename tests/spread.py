"""A pytest plugin: how `pytest -n` shares the tests out over processes.

The tests of a file stay together, in their order, because they may share something. So do all that look at a stack
that takes half a minute to start (the fixtures `stack` and `debian_stack`): each is started once, and ended with the
last of them, because ten vehicles that nobody looks at take a third of a processor from the other tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

if TYPE_CHECKING:
    from xdist.scheduler import Scheduling
    from xdist.workermanage import WorkerController

# Folders and files whose tests look at the same stack.
TOGETHER = {
    "the stack": (
        "tests/browser/",
        "tests/test_whole_path.py",
        "tests/test_bench.py",
        "tests/test_faults.py",
        "tests/test_findings.py",
        "tests/test_outage_embedded.py",
        "tests/test_compose_running.py",
    ),
    "the Debian stack": ("tests/test_debian.py", "tests/test_outage.py"),
}


class Stoppable(Protocol):
    """A stack that runs."""

    def stop(self) -> None:
        """Stop it in order."""
        ...


# What takes longest begins first, so that no process waits for another one at the end.
FIRST = (*TOGETHER, "tests/chaos/test_six_faults.py", "ingest/tests/test_bridges_together.py")
RUNNING: dict[str, Stoppable] = {}  # by the name above; for the fixtures to fill


class ByFileAndStack(LoadScopeScheduling):  # type: ignore[misc]  # xdist gives no types for it
    """Hand out whole files, and what shares the stack as if it were one."""

    def _split_scope(self, nodeid: str) -> str:
        """Return what a test belongs to."""
        return together(nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        for scope in reversed(FIRST):
            if scope in self.workqueue:
                self.workqueue.move_to_end(scope, last=False)
        super()._assign_work_unit(node)


def together(nodeid: str) -> str:
    """Return the name of the stack that a test shares with others, or else its file."""
    file = nodeid.partition("::")[0]
    return next((name for name, files in TOGETHER.items() if file.startswith(files)), file)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling:
    """Share out in our way whatever `--dist` says."""
    return ByFileAndStack(config, log)


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """End a shared stack with its last test. In one process alone the files come in another order: it stays."""
    name = together(item.nodeid)
    is_last = nextitem is None or together(nextitem.nodeid) != name
    if is_last and name in RUNNING and hasattr(item.config, "workerinput"):
        RUNNING.pop(name).stop()
