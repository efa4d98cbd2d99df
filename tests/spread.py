"""A pytest plugin: share the tests out over processes so that what is costly to start is started once.

Only with `--dist loadgroup`, as `make test` runs them. Tests that look at the same running stack stay in one process;
all others stay with those of their file, because they may share something, too.
"""

from __future__ import annotations

from collections.abc import Generator

import pytest

COSTLY = ("stack", "debian")  # fixtures of a whole session that take tens of seconds to start


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None]:
    """Name the group of each test, before xdist's own hook writes the names down, as only a wrapper can."""
    for item in items:
        names = getattr(item, "fixturenames", ())
        group = next((name for name in COSTLY if name in names), item.nodeid.partition("::")[0])
        item.add_marker(pytest.mark.xdist_group(group))
    return (yield)
