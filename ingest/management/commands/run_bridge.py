"""`manage.py run_bridge`: take messages from the MQTT broker into the buffers."""

from __future__ import annotations

import re
import signal
from argparse import RawDescriptionHelpFormatter
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from dataflow.lib.heartbeat import Heartbeat
from ingest.bridge.loop import Bridge
from ingest.broker import Broker
from ingest.ring import Ring, SameServer
from ingest.topics import InvalidTopic, check_filter
from ingest.wake import Waker

WRONG_USAGE = 2
MOST_SLOTS = 64  # in one process; one slot keeps a processor busy, so more than a few gain nothing

EXPLANATION = """\
Takes messages from the broker at MQTT_URL into the buffers of BUFFER_URLS, and acknowledges each to the broker only
when it is in a buffer. Keeps trying while the broker or the buffers are away; nothing else needs to be started again.

examples:
  manage.py run_bridge                          one session at the broker, named dataflow-bridge-0
  manage.py run_bridge --slots 2                two sessions, which share the messages between them
  manage.py run_bridge --name east --slots 2    a second bridge next to the first; names must differ

With MQTT_SHARED off, the bridge subscribes for itself alone; then there must be one bridge with one slot.

Every session is kept by the broker for a week after its bridge has gone, and its share of the messages with it. So
start a bridge with the same name and as many slots as before, and it gets what it missed. The same goes for
MQTT_TOPICS: a filter that is taken out of it stays subscribed until its sessions have ended at the broker.

SIGTERM or Ctrl-C: brings in and acknowledges what has been taken, and ends. Logs go to standard error.

exit codes: 0 ended on a signal, 1 an error in the bridge, 2 wrong usage or settings
"""


class Command(BaseCommand):
    """Run one bridge until a signal."""

    help = EXPLANATION
    # The checks load every page of the site, which the bridge needs for nothing, and a bridge that died must be back
    # soon. What it does need is checked by itself.
    requires_system_checks = []

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> CommandParser:
        """Keep the line breaks of the help text."""
        return super().create_parser(prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs)

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare --slots and --name."""
        parser.add_argument(
            "--slots", type=int, default=1, metavar="N", help="sessions at the broker, all in this process (default 1)"
        )
        parser.add_argument(
            "--name", default="bridge", help="name of this bridge, in its sessions and batches (default bridge)"
        )

    def handle(self, *args: Any, slots: int, name: str, **options: Any) -> None:
        """Check the settings, then run."""
        bridge, waker = self._build(slots, name)
        # From the first signal on the bridge ends in order; a second one ends it at once.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda signum, frame: self._end(bridge))
        waker.start()
        bridge.run()
        waker.stop()

    def _build(self, slots: int, name: str) -> tuple[Bridge, Waker]:
        for needed in ("MQTT_URL", "BUFFER_URLS", "REDIS_URL"):
            if not getattr(settings, needed):
                hint = "start `manage.py up`, which provides it, or set it (see .env.example)"
                raise CommandError(f"{needed} is not set: {hint}.", returncode=WRONG_USAGE)
        if not 1 <= slots <= MOST_SLOTS:
            raise CommandError(f"--slots must be from 1 to {MOST_SLOTS}.", returncode=WRONG_USAGE)
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", name):
            raise CommandError("--name takes letters, digits, - and _ only, 32 at most.", returncode=WRONG_USAGE)
        # Some brokers share badly: rumqttd 0.20 dies when the last session of a group disconnects.
        if slots > 1 and not settings.MQTT_SHARED:
            raise CommandError("--slots needs a shared subscription, and MQTT_SHARED is off.", returncode=WRONG_USAGE)
        try:
            broker = Broker.of_url(settings.MQTT_URL)
            for topic in settings.MQTT_TOPICS:
                check_filter(topic)
            ring = Ring(settings.BUFFER_URLS)
            ring.check()
        except InvalidTopic as error:
            raise CommandError(f"MQTT_TOPICS: {error}", returncode=WRONG_USAGE) from error
        except SameServer as error:
            raise CommandError(f"BUFFER_URLS: {error}", returncode=WRONG_USAGE) from error
        except ValueError as error:
            raise CommandError(f"MQTT_URL or BUFFER_URLS: {error}", returncode=WRONG_USAGE) from error
        waker = Waker(settings.REDIS_URL, settings.DRAIN_TASK)
        beat = Heartbeat(settings.DATA_DIR, name).beat
        bridge = Bridge(name, broker, settings.MQTT_TOPICS, ring, waker.wake, slots, settings.MQTT_SHARED, beat)
        return bridge, waker

    @staticmethod
    def _end(bridge: Bridge) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        bridge.stop()
