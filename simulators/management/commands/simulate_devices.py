"""`manage.py simulate_devices`: run simulated devices against the broker. Needs no database."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser, DjangoHelpFormatter

from simulators.broker import Broker, BrokerUrlError, parse_broker_url
from simulators.claims import AlreadyClaimed
from simulators.faults import FAULTS
from simulators.fleet import Ending, FileLimitError, Outcome, Stopper, simulate
from simulators.outbox import LIMIT, OutboxError
from simulators.plan import PROFILES, Plan, PlanError, Wishes, make_plan
from simulators.progress import Progress
from simulators.replay import SeriesError
from simulators.summary import as_json, as_table, exit_code

FAILED, WRONG_USAGE, INTERRUPTED = 1, 2, 130

EXAMPLES = """
examples:
  ten vehicles, one reading a second each, until Ctrl-C:
    manage.py simulate_devices
  one vehicle alone, five readings a second:
    manage.py simulate_devices --only vehicle_03 --rate 5
  a hundred sensors for a minute, and the summary for a program:
    manage.py simulate_devices --profile sensor --devices 100 --duration 60 --json
  a recorded series with its recorded times, as fast as the broker takes it:
    manage.py simulate_devices --profile replay --file speed.csv --field speed --only road_7578
  the same as if it ended now, an hour of it in a minute:
    manage.py simulate_devices --profile replay --file speed.csv --field speed --only road_7578 --shift --speedup 60
  ten vehicles, one of which is stuck from the second minute on:
    manage.py simulate_devices --fault stuck --fault-after 60 --fault-device vehicle_03

Every reading goes into the device's outbox file first (DATA_DIR/outbox/NAME.sqlite3) and stays there until the
broker has acknowledged it, also while the broker is away or this command is not running. A full outbox drops its
oldest. A reading that the broker refuses is tried again; only when it alone is refused, five times and more, it is
set aside in the file's table "refused".

The first Ctrl-C lets connected devices send what they have and prints the summary, the second stops at once.

exit codes:
  0    done: everything acknowledged, or ended by SIGTERM (what is left goes out next time)
  1    readings left in an outbox, dropped or set aside, a file problem, or a fault of this program
  2    wrong usage
  3    the broker was never reached (only when the run ends by itself)
  130  ended by Ctrl-C
"""


class Help(DjangoHelpFormatter, argparse.RawDescriptionHelpFormatter):
    """Keep the line breaks of the examples."""


class Command(BaseCommand):
    """Parse the command line, run the fleet, print the summary."""

    help = "Run simulated devices, or replay a recorded series as a device, against the broker of MQTT_URL."
    # Devices live outside: neither the database nor any other service of the server is looked at.
    requires_system_checks = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Add the examples to the help."""
        return super().create_parser(prog_name, subcommand, epilog=EXAMPLES, formatter_class=Help, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare the options."""
        add = parser.add_argument
        add("--devices", type=whole_number, metavar="N", help="how many devices (10)")
        add("--only", metavar="NAME", help="one device of this name alone, such as vehicle_03")
        add("--profile", choices=PROFILES, default="vehicle", help="what kind of devices (vehicle)")
        add("--rate", type=positive, metavar="R", help="messages per second of each device (1)")
        add("--duration", type=positive, metavar="S", help="end after S seconds (never; a replay ends with its file)")
        add("--outbox", type=whole_number, metavar="N", default=LIMIT, help=f"readings an outbox holds ({LIMIT:,})")
        add("--outbox-dir", type=Path, metavar="DIR", help="folder of the outbox files (DATA_DIR/outbox)")
        add("--json", action="store_true", help="print the summary as JSON")
        self._add_faults(parser)
        replay = parser.add_argument_group("replay", "Play a recorded series once. Row n gets sequence number n.")
        add = replay.add_argument
        add("--file", type=Path, metavar="F.csv", help="columns timestamp and value; no time zone means UTC")
        add("--field", metavar="FIELD", help="the payload's field, such as speed; tells vehicle from sensor")
        pace = "X times as fast as recorded, 1 for real time; without it as fast as the broker acknowledges"
        add("--speedup", type=positive, metavar="X", help=pace)
        add("--shift", action="store_true", help="move all times so that the last one is now")

    def _add_faults(self, parser: CommandParser) -> None:
        add = parser.add_argument_group("faults", "Have one device go mad, to see that it is noticed.").add_argument
        add("--fault", choices=FAULTS, help="what happens to its speed or temperature, or to all of it")
        add(
            "--fault-after",
            type=positive,
            metavar="S",
            help="after S seconds (120: it has to be known a little)",
        )
        add("--fault-device", metavar="NAME", help="which one (the first)")

    def handle(self, *args: Any, **options: Any) -> None:
        """Run until the end, then exit with one of the codes that the help names."""
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
        plan = self._plan(options)
        try:
            outcome = self._simulate(plan)
        except KeyboardInterrupt:
            sys.exit(INTERRUPTED)
        except (AlreadyClaimed, FileLimitError, OutboxError, OSError) as error:
            raise CommandError(str(error), returncode=FAILED) from error
        self.stdout.write(as_json(outcome) if options["json"] else as_table(outcome))
        if outcome.ending is Ending.FORCED:
            # A thread may still be waiting for a handshake; whoever asked twice does not want to wait for it.
            self.stdout.flush()
            os._exit(INTERRUPTED)
        if code := exit_code(outcome):
            sys.exit(code)

    def _plan(self, options: dict[str, Any]) -> Plan:
        outbox_dir = options["outbox_dir"] or Path(settings.DATA_DIR) / "outbox"
        names = "profile devices only rate duration outbox file field speedup shift fault fault_after fault_device"
        try:
            return make_plan(
                Wishes(**{name: options[name] for name in names.split()}), broker_of_settings(), outbox_dir
            )
        except (PlanError, BrokerUrlError) as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error
        except SeriesError as error:
            raise CommandError(str(error), returncode=FAILED) from error

    def _simulate(self, plan: Plan) -> Outcome:
        stopper = Stopper()

        def listen(loop: asyncio.AbstractEventLoop) -> None:
            loop.add_signal_handler(signal.SIGINT, stopper.request, Ending.INTERRUPTED)
            loop.add_signal_handler(signal.SIGTERM, stopper.request, Ending.TERMINATED)

        progress = Progress(sys.stderr, str(plan.broker))
        try:
            return simulate(plan, stopper, progress, listen)
        finally:
            progress.end()


def broker_of_settings() -> Broker:
    """Return the broker that MQTT_URL names. Raises BrokerUrlError."""
    if not settings.MQTT_URL:
        raise BrokerUrlError("MQTT_URL is not set; `manage.py up` starts a broker, or name one: mqtt://host:1883")
    return parse_broker_url(settings.MQTT_URL)


def positive(text: str) -> float:
    """Read a number above zero from the command line."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0.0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number above zero")
    return value


def whole_number(text: str) -> int:
    """Read a whole number above zero from the command line."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number above zero")
    return int(text)
