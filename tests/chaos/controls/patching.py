"""Change a module the moment it is imported, without touching its file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

Change = Callable[[ModuleType], None]


class _Changing(Loader):
    """Loads a module as its own loader does, and changes it before anybody sees it."""

    def __init__(self, own: Loader, change: Change) -> None:
        self._own, self._change = own, change

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._own.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._own.exec_module(module)
        self._change(module)


class _Finder(MetaPathFinder):
    """Finds one module, for `_Changing` to load."""

    def __init__(self, name: str, change: Change) -> None:
        self._name, self._change = name, change

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Changing(spec.loader, self._change)
        return spec


def when_imported(name: str, change: Change) -> None:
    """Call `change` with a module as soon as it has been imported."""
    sys.meta_path.insert(0, _Finder(name, change))
