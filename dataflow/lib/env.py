"""Read settings from the environment, from files, from `.env`, and from the stack that `manage.py up` runs.

A value NAME is looked for in this order, and the first place that has it wins:

1. the environment: NAME, or the content of the file that NAME_FILE names;
2. `.env` in the project's folder, with the same two forms;
3. `DATA_DIR/stack.env`, which `manage.py up` writes while it runs, so that `manage.py audit` in another
   terminal finds the same services.

NAME and NAME_FILE in one place contradict each other: that is an error, as is every value that does not parse.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

from dotenv import dotenv_values

STACK_FILE = "stack.env"
REDIS_SCHEMES = ("redis", "rediss", "unix")
TRUE, FALSE = ("1", "true", "yes", "on"), ("0", "false", "no", "off")


class SettingError(Exception):
    """A setting is missing, unreadable or contradicts another one; the message names it and says what to do."""


def read_env_file(path: Path) -> dict[str, str]:
    """Return the NAME=value lines of a file; a file that is not there is empty."""
    if not path.is_file():
        return {}
    return {name: value for name, value in dotenv_values(path, interpolate=False).items() if value is not None}


def data_dir(base: Path, layers: Collection[Mapping[str, str]]) -> Path:
    """Return where the stack keeps its files: DATA_DIR, relative to the project's folder, `var` unless named."""
    named = next((layer["DATA_DIR"] for layer in layers if layer.get("DATA_DIR")), "var")
    return (base / named).resolve()


class Environment:
    """Typed values by name, from layers of mappings of which the first that has a name wins."""

    def __init__(self, *layers: Mapping[str, str]) -> None:
        self.layers = layers

    @classmethod
    def of_project(cls, base: Path) -> Environment:
        """Return the environment, then `base/.env`, then the running stack's file."""
        own: list[Mapping[str, str]] = [os.environ, read_env_file(base / ".env")]
        return cls(*own, read_env_file(data_dir(base, own) / STACK_FILE))

    def find(self, name: str) -> str | None:
        """Return the value of a name or None; raise SettingError when a place names it twice or its file is gone."""
        for layer in self.layers:
            value, path = layer.get(name), layer.get(f"{name}_FILE")
            if value and path:
                raise SettingError(f"Both {name} and {name}_FILE are set. Keep one of them.")
            if path:
                return _file_content(name, path)
            if value:
                return value
        return None

    def text(self, name: str, default: str | None = None, *, why: str = "") -> str:
        """Return a value; without a default a missing one is an error that says what it is for (`why`)."""
        value = self.find(name)
        if value is not None:
            return value
        if default is None:
            raise SettingError(
                f"{name} is not set{f' ({why})' if why else ''}. Start `manage.py up`, which provides it, "
                f"or set it in the environment or in .env (see .env.example)."
            )
        return default

    def flag(self, name: str, default: bool) -> bool:
        """Return a truth value; anything but true/false, yes/no, on/off, 1/0 is an error."""
        value = self.find(name)
        if value is None:
            return default
        if value.lower() not in TRUE + FALSE:
            raise SettingError(f"{name} is {value!r}: expected true or false.")
        return value.lower() in TRUE

    def count(self, name: str, default: int, least: int = 1) -> int:
        """Return a whole number that is not below `least`."""
        value = self.text(name, str(default))
        if not (value.isascii() and value.isdigit() and int(value) >= least):
            raise SettingError(f"{name} is {value!r}: expected a whole number of {least} or more.")
        return int(value)

    def names(self, name: str, default: str) -> list[str]:
        """Return a comma-separated list without its empty items."""
        return [item.strip() for item in self.text(name, default).split(",") if item.strip()]

    def url(self, name: str, schemes: Collection[str], default: str | None = None, *, why: str = "") -> str:
        """Return a URL whose scheme is one of `schemes`."""
        return _checked_url(name, self.text(name, default, why=why), schemes)

    def urls(self, name: str, schemes: Collection[str], default: str | None = None, *, why: str = "") -> list[str]:
        """Return a comma-separated list of different URLs, at least one."""
        found = [item.strip() for item in self.text(name, default, why=why).split(",") if item.strip()]
        checked = [_checked_url(name, item, schemes) for item in found]
        if not checked:
            raise SettingError(f"{name} names no server.")
        if len(set(checked)) != len(checked):
            raise SettingError(f"{name} names one server twice. Every buffer must be a server of its own.")
        return checked


def _file_content(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"{name}_FILE names {path}, which cannot be read: {error}") from error


def _checked_url(name: str, value: str, schemes: Collection[str]) -> str:
    try:
        parts: SplitResult = urlsplit(value)
        port = parts.port
    except ValueError as error:
        raise SettingError(f"{name} is not a URL: {error}.") from error
    if parts.scheme not in schemes:
        raise SettingError(f"{name} must start with {' or '.join(f'{scheme}://' for scheme in schemes)}.")
    if parts.scheme != "unix" and not parts.hostname and port is None and "host=" not in parts.query:
        raise SettingError(f"{name} names no host.")
    return value
