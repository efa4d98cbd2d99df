"""`manage.py broker_config`: the settings of a broker for the outage that it has to survive."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from dataflow.brokers import emqx, mosquitto
from dataflow.brokers.sizing import Demand
from dataflow.embedded.private import write_private
from dataflow.lib.commands import ExplainedCommand

WRITERS: dict[str, Callable[[Demand, str], str]] = {"mosquitto": mosquitto.configuration, "emqx": emqx.configuration}
FAILED, WRONG_USAGE = 1, 2
STATED = Demand()

EXPLANATION = """\
Prints the configuration of an MQTT broker whose queues survive an outage of the platform: queue lengths from the rate
and the outage, persistence, the window, the size of packets, and in comments what a full queue takes of memory and
disk. deploy/mosquitto/mosquitto.conf and deploy/emqx/emqx.conf are what it prints without options.

examples:
  manage.py broker_config mosquitto                              1,000 messages a second, 1,000 s of outage
  manage.py broker_config mosquitto --rate 50 --outage 86400     50 a second, a day of outage
  manage.py broker_config emqx --devices 500 --out emqx.conf

exit codes: 0 done, 1 the file cannot be written, 2 wrong usage
"""


class Command(ExplainedCommand):
    """Write a broker's configuration."""

    help = EXPLANATION
    requires_system_checks = []  # arithmetic needs no service

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare what has to be survived."""
        parser.add_argument("broker", choices=sorted(WRITERS), help="whose configuration")
        parser.add_argument("--rate", type=float, default=STATED.rate, help="messages a second of all devices together")
        parser.add_argument("--outage", type=float, default=STATED.outage, help="seconds that nobody fetches them")
        parser.add_argument("--payload", type=int, default=STATED.payload, help="bytes of an ordinary message")
        parser.add_argument("--packet", type=int, default=STATED.packet, help="bytes of the largest packet")
        parser.add_argument("--devices", type=int, default=STATED.devices, help="connections of devices")
        parser.add_argument("--out", type=Path, metavar="FILE", help="write to this file instead of standard output")

    def handle(self, *args: Any, broker: str, out: Path | None, **options: Any) -> None:
        """Compute and write."""
        names = ("rate", "outage", "payload", "packet", "devices")
        try:
            demand = Demand(**{name: options[name] for name in names})
        except ValueError as error:
            raise CommandError(str(error), returncode=WRONG_USAGE) from error
        content = WRITERS[broker](demand, " ".join(f"--{name} {_figure(options[name])}" for name in names))
        if out is None:
            self.stdout.write(content, ending="")
            return
        try:
            write_private(out, content)
        except OSError as error:
            raise CommandError(f"{out} cannot be written: {error}", returncode=FAILED) from error
        self.stderr.write(f"wrote {out}")


def _figure(value: float) -> str:
    """Return a number as one would type it."""
    return str(int(value)) if value == int(value) else str(value)
