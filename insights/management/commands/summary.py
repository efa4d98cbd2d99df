"""`manage.py summary`: what happened, in a text and in facts."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.core.serializers.json import DjangoJSONEncoder
from django.db import InterfaceError, OperationalError

from dataflow.lib.commands import ExplainedCommand
from insights.durations import parse_duration
from insights.summaries.service import summary, told
from insights.zones import NoSuchZone, in_zone
from validation.history.question import Unanswerable
from validation.selectors import TooSlow

FAILED, WRONG_USAGE, NO_SERVICE = 1, 2, 3

EXPLANATION = """\
Tells what happened in the last 24 hours, or in another window that ends now: of one model, of a device, of the devices
with a tag, or of the models with most devices. With --json also the facts that the text rests on, each with its number,
unit, window, how many readings it rests on, and the SQL that gives exactly that number.

examples:
  manage.py summary
  manage.py summary --model sensor --window 7d
  manage.py summary --device vehicle_03 --json | jq '.facts[] | {label, value, unit}'

exit codes: 0 done, 1 it took too long, 2 wrong usage, 3 the database cannot be reached
"""


class Command(ExplainedCommand):
    """Tell what happened."""

    help = EXPLANATION
    requires_system_checks = ("settings",)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        parser.add_argument("--model", help="only this model")
        parser.add_argument("--device", help="only this device")
        parser.add_argument("--tag", help="only devices with this tag")
        parser.add_argument("--window", default="24h", help="how far back: 90m, 24h (the default), 7d")
        parser.add_argument("--zone", help="whose times of the day, as in Europe/Berlin; UTC by default")
        parser.add_argument("--json", action="store_true", help="print JSON, with the facts")

    def handle(self, *args: Any, **options: Any) -> None:
        """Ask the database, and print."""
        length = parse_duration(options["window"])
        if length is None:
            raise CommandError("--window is a length of time such as 90m, 24h or 7d.", returncode=WRONG_USAGE)
        asked = {name: options[name] for name in ("model", "device", "tag")}
        try:
            with in_zone(options["zone"]):
                found = summary(now=datetime.now(UTC), length=length, **asked)
        except NoSuchZone as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error
        except Unanswerable as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error
        except TooSlow as error:
            raise CommandError(f"That took longer than {error}: ask for less.", returncode=FAILED) from error
        except (OperationalError, InterfaceError) as error:
            raise CommandError(f"The database cannot be asked: {error}", returncode=NO_SERVICE) from error
        if not options["json"]:
            self.stdout.write(found.text)
            return
        whole = {
            "summary": found.text,
            "facts": [told(fact) for fact in found.facts],
            "generated_at": found.generated_at,
            "engine": found.engine,
        }
        self.stdout.write(json.dumps(whole, cls=DjangoJSONEncoder, indent=2, ensure_ascii=False))
