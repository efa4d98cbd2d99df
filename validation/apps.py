"""The room `validation`: decide what is true and keep it."""

from django.apps import AppConfig


class ValidationConfig(AppConfig):
    """Decide what is true and keep it."""

    name = "validation"
