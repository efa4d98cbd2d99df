"""`manage.py up`: the whole stack on one machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from dataflow.embedded.launch import Launch
from dataflow.embedded.output import Output
from dataflow.embedded.plan import Plan
from dataflow.embedded.ports import LOOPBACK, Ports
from dataflow.embedded.probes import Unreachable
from dataflow.embedded.program import ServiceError
from dataflow.embedded.programs import Programs
from dataflow.embedded.supervisor import StepFailed
from dataflow.lib.commands import ExplainedCommand
from dataflow.lib.env import Environment
from dataflow.management.commands.first_admin import ADMIN, PASSWORD_FILE
from dataflow.stack import Stack, StackRuns

FAILED, WRONG_USAGE, NO_SERVICE = 1, 2, 3
MOST_WORKERS = 4  # by default; more than the database keeps busy only take memory

EXPLANATION = """\
Starts what the environment does not name (PostgreSQL, three Valkey servers, an MQTT broker; their data under
DATA_DIR), brings the database up to date, and runs bridge, workers, scheduler, site and simulated vehicles. Starts
again whatever dies. Other terminals find the services while it runs: try `manage.py services`.

examples:
  manage.py up --simulate 10                 the platform with ten vehicles
  manage.py up --port 8080 --workers 4       another port, four worker processes
  DATABASE_URL=postgres://… manage.py up     with a PostgreSQL of your own

The first Ctrl-C stops everything in order and loses nothing; the second one stops at once.

exit codes: 0 stopped by SIGTERM, 1 cannot start, 2 wrong usage or settings, 3 a service cannot be reached,
            130 stopped by Ctrl-C
"""


class Command(ExplainedCommand):
    """Run the stack until a signal."""

    help = EXPLANATION
    requires_system_checks = []  # the services that the checks ask for are started here

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare how many of each, and where the site listens."""
        workers = min(MOST_WORKERS, os.cpu_count() or 1)
        parser.add_argument("--simulate", type=int, default=0, metavar="N", help="simulated vehicles (default none)")
        parser.add_argument(
            "--port", type=int, default=8000, help="the site's port, or the next free one (default 8000)"
        )
        parser.add_argument("--bind", default=LOOPBACK, help=f"address the site listens on (default {LOOPBACK})")
        parser.add_argument("--workers", type=int, default=workers, metavar="N", help=f"workers ({workers} here)")
        parser.add_argument("--bridges", type=int, default=1, metavar="N", help="MQTT bridges (default 1)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Check the options and run; every failure to start becomes a message and an exit code."""
        for name, least in (("simulate", 0), ("workers", 1), ("bridges", 1)):
            if options[name] < least:
                raise CommandError(f"--{name} must be {least} or more.", returncode=WRONG_USAGE)
        launch = self._launch(**options)
        if options["bridges"] > 1 and launch.given.find("MQTT_URL") is None:
            launch.output.say("With the embedded broker one bridge works and the others stand by.")
        try:
            status = launch.run()
        except (StackRuns, ServiceError, StepFailed) as error:
            raise CommandError(str(error), returncode=FAILED) from error
        except Unreachable as error:
            raise CommandError(str(error), returncode=NO_SERVICE) from error
        if status:
            raise SystemExit(status)

    def _launch(self, *, bind: str, port: int, **options: Any) -> Launch:
        output = Output()
        base = Path(settings.BASE_DIR)
        # What people set counts; what another run's file says does not: its services are started here.
        given = Environment(*Environment.of_project(base).layers[:2])
        free = self._free_port(port, bind, output)
        programs = Programs(
            base=base,
            settings={},
            bind=bind,
            port=free,
            bridges=options["bridges"],
            workers=options["workers"],
            simulated=options["simulate"],
            group=given.text("MQTT_GROUP", "dataflow"),
        )
        return Launch(programs, Stack(Path(settings.DATA_DIR)), given, output, self._announce)

    def _free_port(self, port: int, bind: str, output: Output) -> int:
        try:
            free = Ports().take(port, host=bind)
        except ServiceError as error:
            raise CommandError(str(error), returncode=FAILED) from error
        if free != port:
            output.say(f"Port {port} is taken; the site listens on {free}.")
        return free

    def _announce(self, programs: Programs, plan: Plan) -> None:
        url = programs.settings.get("SITE_URL") or settings.SITE_URL
        lines = ["", f"dataflow is running at {url}", f"  name      {ADMIN}"]
        password = Path(settings.DATA_DIR) / PASSWORD_FILE
        if password.is_file():
            lines.append(f"  password  {password.read_text(encoding='utf-8').strip()}")
        else:
            lines.append(f"  password  as you set it (to set it again: python manage.py changepassword {ADMIN})")
        if "MQTT_URL" in plan.settings:
            lines += [
                f"  MQTT      {plan.settings['MQTT311_URL']} (version 3.1.1), {plan.settings['MQTT_URL']} (version 5)",
                "The embedded broker keeps its sessions in memory: when it dies, what it has acknowledged and not yet",
                "handed on is lost. docs/guarantees.md says what that means, and which broker to use instead.",
            ]
        self.stdout.write("\n".join([*lines, "Ctrl-C stops everything in order.", ""]))
        self.stdout.flush()
