"""`manage.py set_up`: bring the database up to date."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command

from dataflow.lib.commands import ExplainedCommand
from ingest.buffers import tend

EXPLANATION = """\
Runs migrate, load_samples and first_admin, one after the other in one process, and writes down which buffers of
BUFFER_URLS answer. Harmless when repeated. `manage.py up` runs it before anything that needs the database.

example:
  manage.py set_up

exit codes: 0 done, 1 failed
"""


class Command(ExplainedCommand):
    """Migrate, load the sample models, create the first administrator."""

    help = EXPLANATION

    def handle(self, *args: Any, **options: Any) -> None:
        """Run the three commands; the first error ends them."""
        call_command("migrate", interactive=False, verbosity=0, skip_checks=True)
        call_command("load_samples")
        call_command("first_admin")
        tend()
