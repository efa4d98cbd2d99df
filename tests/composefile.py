"""docker-compose.yml as an engine would read it: merged, and with its variables filled in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent
COMPOSE_FILE = ROOT / "docker-compose.yml"
EXAMPLE_FILE = ROOT / ".env.example"
# ${NAME}, ${NAME:-default}, ${NAME:?what to do when it is missing}; defaults here hold no braces.
VARIABLE = re.compile(r"\$\{([A-Z][A-Z0-9_]*)(?::([-?])([^{}]*))?\}")


class MissingVariable(Exception):
    """A variable that the file requires has no value."""


def read() -> dict[str, Any]:
    """Return the file with its anchors merged and its variables as they stand."""
    content: dict[str, Any] = yaml.safe_load(COMPOSE_FILE.read_text())
    return content


def services(values: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Return all services with variables filled in; raise MissingVariable where one is required and missing."""
    found: dict[str, dict[str, Any]] = filled(read()["services"], values)
    for service in found.values():
        given = service.get("environment", {})
        # A name without a value takes it from .env, and is left out when it is not there.
        service["environment"] = {
            name: str(values[name] if value is None else value)
            for name, value in given.items()
            if value is not None or values.get(name)
        }
    return found


def filled(node: Any, values: Mapping[str, str]) -> Any:
    """Return a part of the file with its variables filled in."""
    if isinstance(node, dict):
        return {key: filled(value, values) for key, value in node.items()}
    if isinstance(node, list):
        return [filled(value, values) for value in node]
    if isinstance(node, str):
        return VARIABLE.sub(lambda match: _value(match, values), node)
    return node


def _value(match: re.Match[str], values: Mapping[str, str]) -> str:
    name, rule, word = match.groups()
    if value := values.get(name):
        return value
    if rule == "?":
        raise MissingVariable(name)
    return word or ""


def variables() -> set[str]:
    """Return the names of all variables of the file, and of those that it passes on by name."""
    text = "\n".join(line for line in COMPOSE_FILE.read_text().splitlines() if not line.lstrip().startswith("#"))
    by_name = {
        name
        for service in read()["services"].values()
        for name, value in service.get("environment", {}).items()
        if value is None
    }
    return {match[1] for match in VARIABLE.finditer(text)} | by_name


def explained() -> dict[str, str]:
    """Return the variables that .env.example explains, with what stands there, whether set or commented out."""
    found = re.findall(r"^#?([A-Z][A-Z0-9_]*)=(.*)$", EXAMPLE_FILE.read_text(), re.MULTILINE)
    return dict(found)
