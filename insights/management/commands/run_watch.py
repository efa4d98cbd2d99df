"""`manage.py run_watch`: look at what is stored, and note what is odd."""

from __future__ import annotations

import logging
import os
import signal
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from dataflow.lib.commands import ExplainedCommand
from dataflow.lib.heartbeat import Heartbeat
from insights.watching.service import Service

log = logging.getLogger(__name__)

WRONG_USAGE = 2
NICE = 10  # a tenth of the weight of others
AUTOGROUP = Path("/proc/self/autogroup")

EXPLANATION = """\
Looks at the readings that are stored, as they are stored, and notes what is odd about them (docs/findings.md). Takes
nothing out of any queue and holds nothing up: it reads the database, and rests while workers are behind.

examples:
  manage.py run_watch                           start it on as many hosts as you like: one watches, the others stand by
  manage.py run_watch --name east               the same, with a name to tell it from the others

SIGTERM or Ctrl-C: writes down what it has learned, and ends. Logs go to standard error.

exit codes: 0 ended on a signal, 2 wrong usage or settings
"""


class Command(ExplainedCommand):
    """Watch until a signal."""

    help = EXPLANATION
    requires_system_checks = []  # they load every page of the site, which this needs for nothing

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare --name."""
        parser.add_argument("--name", default="watch", help="name of this process, for people (default watch)")

    def handle(self, *args: Any, name: str, **options: Any) -> None:
        """Check the settings, then run."""
        if not settings.DATABASE_URL:
            hint = "start `manage.py up`, which provides it, or set it (see .env.example)"
            raise CommandError(f"DATABASE_URL is not set: {hint}.", returncode=WRONG_USAGE)
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        _step_back()
        service = Service(name, Heartbeat(settings.DATA_DIR, name).beat)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda signum, frame: service.stop())
        service.run()


def _step_back() -> None:
    """Let others go first on a full machine: nothing waits for this process, and what it misses it reads later.

    Being nice counts among the processes of one session only, where the kernel shares out processors by session: there
    the session has to be nice as well (sched(7), autogroups), if it is this process's own and not that of somebody's
    terminal. No nicer than this: with the lowest weight, or in the class that runs when nobody else wants to, a full
    machine would let a finding wait for more than a minute.
    """
    os.nice(NICE)
    if AUTOGROUP.exists() and os.getsid(0) == os.getpid():
        try:
            AUTOGROUP.write_text(str(NICE))
        except OSError as error:
            log.warning("others do not go first on a full machine, because the session cannot be made nice: %s", error)
