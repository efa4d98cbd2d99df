"""`manage.py load_samples`: make the sample models."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from validation.samples import load_samples


class Command(BaseCommand):
    """Make the sample models."""

    help = "Make and publish the sample models `vehicle` and `sensor` where they are missing. Harmless when repeated."

    def handle(self, *args: Any, **options: Any) -> None:
        """Load what is missing and say what that was."""
        loaded = load_samples()
        self.stderr.write(f"Sample models made: {', '.join(loaded)}." if loaded else "The sample models are there.")
