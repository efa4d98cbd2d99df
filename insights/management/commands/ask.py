"""`manage.py ask`: a question in plain English about what is stored."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from datetime import datetime
from typing import Any

import msgspec
from django.core.management.base import CommandError
from django.db import InterfaceError, OperationalError
from django.utils import timezone

from dataflow.lib.commands import ExplainedCommand
from insights.questions.asking import Reply, ask
from insights.zones import NoSuchZone, here, in_zone
from validation.selectors import TooSlow

SHOWN = 20  # rows on a screen; --json has up to a hundred


class Command(ExplainedCommand):
    """Answer a question."""

    requires_system_checks = ("settings",)
    help = """Answer a question in plain English, with the query that was run and the rows that the answer rests on.

examples:
  manage.py ask "What was the average speed of vehicle_01 yesterday afternoon?"
  manage.py ask "Which devices are offline?"
  manage.py ask "How long was the greenhouse above 28 °C since Monday?" --json | jq .facts

What is not clear is asked back (exit code 1), and nothing is run then. Nothing that is stored is ever changed.

exit codes: 0 answered, also with "not enough data"; 1 asked back or stopped; 2 wrong usage; 3 a service cannot be
reached; 130 interrupted"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("question", metavar="QUESTION")
        parser.add_argument("--zone", help="where days begin, as in Europe/Berlin; UTC by default")
        parser.add_argument("--json", action="store_true", help="print all that the API would answer")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask."""
        try:
            with in_zone(options["zone"]):
                reply = ask(options["question"], timezone.now(), here(), with_chart=options["json"])
        except NoSuchZone as error:
            raise CommandError(str(error), returncode=2) from error
        except TooSlow as error:
            raise CommandError(f"That took longer than {error} and was stopped: ask for a shorter time.") from error
        except (OperationalError, InterfaceError) as error:
            raise CommandError(f"A service cannot be reached: {error}", returncode=3) from error
        if options["json"]:
            self.stdout.write(msgspec.json.encode(reply.told()).decode())
        else:
            self._print(reply)
        if reply.outcome == "ask_back":
            raise SystemExit(1)

    def _print(self, reply: Reply) -> None:
        self.stdout.write(reply.answer)
        for question in reply.suggestions:
            self.stdout.write(f"  {question}")
        if reply.query is None or reply.result is None:
            return
        for row in reply.result.rows[:SHOWN]:
            self.stdout.write("  " + "  ".join(f"{name}={_shown(value)}" for name, value in row.items()))
        if reply.result.in_all > SHOWN:
            self.stdout.write(f"  … {reply.result.in_all:,} rows in all")
        self.stderr.write(f"query: {json.dumps(msgspec.to_builtins(reply.query))}")
        self.stderr.write("\n\n".join(reply.result.sql))


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    return value.isoformat() if isinstance(value, datetime) else str(value)
