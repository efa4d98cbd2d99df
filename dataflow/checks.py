"""System checks of the wiring: what is missing is named before a command runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register

SETTINGS = "settings"  # the tag for commands that want no other check: the others load every page of the site


@register(SETTINGS)
def every_service_is_named(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Report each setting that is missing, with what to do about it."""
    return [
        Error(
            f"{name} is not set.",
            hint="Start `manage.py up`, which provides it, or set it in the environment or in .env (see .env.example).",
            id="dataflow.E001",
        )
        for name in settings.MISSING
    ]
