"""Every figure in docs/backpressure.md is the one that the code has."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

ROOT = Path(__file__).parents[1]
DOCUMENT = (ROOT / "docs" / "backpressure.md").read_text(encoding="utf-8")
# `NAME` = value, perhaps of something, in `path`
FIGURE = re.compile(r"`(\w+)` = ([\d.,]*\d\w*)(?: \w+(?: of a buffer)?)? in `([\w./-]+)`")
FIGURES = FIGURE.findall(DOCUMENT)


def in_settings(name: str) -> Any:
    """Return a setting, or what one of the nested ones says."""
    layer, pool = settings.CHANNEL_LAYERS["default"]["CONFIG"], settings.DATABASES["default"]["OPTIONS"]["pool"]
    return {**pool, **layer}[name] if name in {*layer, *pool} else getattr(settings, name)


def in_file(name: str, path: Path) -> str:
    """Return what a broker's configuration gives a name."""
    found = re.search(rf"^\s*{name}(?: =)? (\S+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    assert found, f"{path} does not have {name}"
    return found[1]


def actual(name: str, path: str) -> Any:
    """Return the value that a name has in a file."""
    if path == "dataflow/settings.py":
        return in_settings(name)
    if path.endswith(".py"):
        return getattr(importlib.import_module(path.removesuffix(".py").replace("/", ".")), name)
    return in_file(name, ROOT / path)


@pytest.mark.parametrize(("name", "value", "path"), FIGURES, ids=[f"{path}:{name}" for name, _, path in FIGURES])
def test_a_figure_is_the_one_in_the_code(name: str, value: str, path: str) -> None:
    found, stated = actual(name, path), value.replace(",", "")
    assert str(found) == stated or float(found) == float(stated)


def test_no_figure_is_written_so_that_it_is_not_compared() -> None:
    written = re.findall(r"`\w+` = \S", DOCUMENT.replace("`NAME` = value", ""))
    assert len(FIGURES) == len(written) > 40


def test_every_file_that_is_named_exists() -> None:
    named = set(re.findall(r"`((?:dataflow|ingest|validation|dashboard|simulators|deploy|tests)/[\w./-]+)`", DOCUMENT))
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []
