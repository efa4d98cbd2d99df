"""The wiring as a Django app, so that its commands and checks are found."""

from django.apps import AppConfig


class DataflowConfig(AppConfig):
    """Load the checks and keep everything else out of the way."""

    name = "dataflow"

    def ready(self) -> None:
        """Register the system checks."""
        from dataflow import checks  # noqa: F401, PLC0415  (checks need loaded settings)
