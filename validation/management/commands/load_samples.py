"""`manage.py load_samples`: make the sample models."""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.core.management.base import BaseCommand

from validation.samples import load_samples

EXAMPLES = """example:
  manage.py load_samples

`manage.py set_up`, and so `manage.py up`, runs it. A model that somebody has changed stays as it is.

exit codes: 0 done, 1 failed
"""


class Command(BaseCommand):
    """Make the sample models."""

    help = "Make and publish the sample models `vehicle` and `sensor` where they are missing. Harmless when repeated."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the example to the help."""
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EXAMPLES

    def handle(self, *args: Any, **options: Any) -> None:
        """Load what is missing and say what that was."""
        loaded = load_samples()
        self.stderr.write(f"Sample models made: {', '.join(loaded)}." if loaded else "The sample models are there.")
