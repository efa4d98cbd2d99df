"""Read the settings of the language model: LLM_URL, LLM_MODEL, LLM_KEY. What does not fit together is an error."""

from __future__ import annotations

from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import urlsplit

from dataflow.lib.env import Environment, SettingError


class LanguageModel(NamedTuple):
    """Where a server of the kind of OpenAI's is, which of its models is meant, and its key, which may be empty."""

    url: str
    model: str
    key: str


def language_model(env: Environment) -> LanguageModel | None:
    """Return the language model that is configured, or None; raise SettingError for settings that do not fit."""
    model, key = env.find("LLM_MODEL"), env.find("LLM_KEY") or ""
    if env.find("LLM_URL") is None:
        for name, value in (("LLM_MODEL", model), ("LLM_KEY", key)):
            if value:
                raise SettingError(f"{name} is set, but LLM_URL is not. Set LLM_URL too, or neither of them.")
        return None
    if model is None:
        raise SettingError("LLM_URL is set, but LLM_MODEL is not. Name the model that the server shall use.")
    url = env.url("LLM_URL", ("http", "https")).rstrip("/")
    parts = urlsplit(url)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise SettingError("LLM_URL has more than a host, a port and a path. A key belongs into LLM_KEY.")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise SettingError("LLM_URL must start with https:// where its host is not this machine (127.0.0.1, [::1]).")
    if not key.isascii() or not key.isprintable():
        raise SettingError("LLM_KEY has signs that no key has.")
    return LanguageModel(url, model, key)


def is_loopback(host: str) -> bool:
    """Tell whether a host of a URL is this machine: an address of it, or `localhost`."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
