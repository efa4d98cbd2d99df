"""`manage.py run_bridge`: take messages from the MQTT broker into the buffers."""

from __future__ import annotations

import re
import signal
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from dataflow.lib.commands import ExplainedCommand
from dataflow.lib.heartbeat import Heartbeat
from ingest.bridge.keeper import Housekeeper, Keeper
from ingest.bridge.loop import Bridge
from ingest.bridge.tenure import Tenure
from ingest.broker import Broker
from ingest.broker_health import watch
from ingest.names import GROUP_NAME, session_name
from ingest.processes import ThisProcess
from ingest.ring import Ring, SameServer
from ingest.topics import InvalidTopic, check_filter
from ingest.wake import Waker
from ingest.watching import Watch

FAILED, WRONG_USAGE = 1, 2
SHORTEST_LEASE_S = 3  # a busy bridge may not look at the clock for a second, which is no reason to drop its slots
MOST_SLOTS = 64  # one keeps a processor busy, so more than there are processors for bridges gain nothing

EXPLANATION = """\
Takes messages from the broker at MQTT_URL into the buffers of the ring (docs/ring.md), and acknowledges each only
when it is in a buffer. Keeps trying while the broker or the buffers are away; nothing else needs to be started again.

examples:
  manage.py run_bridge                          a bridge; start as many as you like, on as many hosts
  manage.py run_bridge --name east              the same, with a name to tell it from the others
  manage.py run_bridge --slots 2                a bridge that takes two sessions at most

All bridges share out BRIDGE_SLOTS sessions at the broker among themselves: `manage.py bridges` shows who has which.
When one ends or dies, the others take over its sessions and what the broker kept for them. Who holds what is decided
in the database: without it a bridge that starts waits, and one that runs goes on with what it has (docs/bridges.md).

With MQTT_SHARED off there is one session, and further bridges stand by for it.

It says so in its log when the broker drops messages, or has lost a session (docs/backpressure.md).

SIGTERM or Ctrl-C: brings in and acknowledges what has been taken, gives its sessions back, and ends. Logs go to
standard error.

exit codes: 0 ended on a signal, 1 an error in the bridge, 2 wrong usage or settings
"""


class Command(ExplainedCommand):
    """Run one bridge until a signal."""

    help = EXPLANATION
    # The checks load every page of the site, which the bridge needs for nothing, and a bridge that died must be back
    # soon. What it does need is checked by itself.
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Declare --slots and --name."""
        parser.add_argument("--slots", type=int, metavar="N", help="sessions it takes at most (default no limit)")
        parser.add_argument("--name", default="bridge", help="name of this bridge, for people (default bridge)")

    def handle(self, *args: Any, slots: int | None, name: str, **options: Any) -> None:
        """Check the settings, then run."""
        broker, ring = self._check(slots, name)
        me, tenure = ThisProcess(name), Tenure(settings.BRIDGE_LEASE_SECONDS)
        waker = Waker(settings.REDIS_URL, settings.DRAIN_TASK)
        beat = Heartbeat(settings.DATA_DIR, name).beat
        bridge = Bridge(name, broker, settings.MQTT_TOPICS, ring, waker.wake, tenure, settings.MQTT_SHARED, beat)
        watching = watch(settings.MQTT_URL)
        keeper = Keeper(me, tenure, slots, bridge.ring_bell, bridge.stop, lambda: watching.health.lost)
        watch_ring = Watch(ring, settings.BUFFER_URLS, settings.BUFFER_FILL_PERCENT, settings.BUFFERS_MAX_MB, tend=True)
        wanted = {session_name(settings.MQTT_GROUP, number): number for number in range(settings.BRIDGE_SLOTS)}
        housekeeper = Housekeeper(me, wanted)
        # From the first signal on the bridge ends in order; a second one ends it at once.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda signum, frame: self._end(bridge))
        watch_ring.first_look()
        for thread in (waker, housekeeper, keeper, watch_ring):
            thread.start()
        try:
            bridge.run()
        finally:
            keeper.stop()
            housekeeper.stop()
            watching.stop()
            watch_ring.stop()
        waker.stop()
        if keeper.broken:
            raise CommandError("The bridge has ended because of an error of its own; see above.", returncode=FAILED)

    def _check(self, slots: int | None, name: str) -> tuple[Broker, Ring]:
        for needed in ("MQTT_URL", "BUFFER_URLS", "REDIS_URL", "DATABASE_URL"):
            if not getattr(settings, needed):
                hint = "start `manage.py up`, which provides it, or set it (see .env.example)"
                raise CommandError(f"{needed} is not set: {hint}.", returncode=WRONG_USAGE)
        if slots is not None and not 1 <= slots <= MOST_SLOTS:
            raise CommandError(f"--slots must be from 1 to {MOST_SLOTS}.", returncode=WRONG_USAGE)
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", name):
            raise CommandError("--name takes letters, digits, - and _ only, 32 at most.", returncode=WRONG_USAGE)
        self._check_slots()
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
        return broker, ring

    def _check_slots(self) -> None:
        if not re.fullmatch(GROUP_NAME, settings.MQTT_GROUP):
            raise CommandError("MQTT_GROUP takes letters, digits, - and _ only, 32 at most.", returncode=WRONG_USAGE)
        if settings.BRIDGE_SLOTS > MOST_SLOTS:
            raise CommandError(f"BRIDGE_SLOTS must be {MOST_SLOTS} at most.", returncode=WRONG_USAGE)
        if settings.BRIDGE_LEASE_SECONDS < SHORTEST_LEASE_S:
            raise CommandError(f"BRIDGE_LEASE_SECONDS must be {SHORTEST_LEASE_S} or more.", returncode=WRONG_USAGE)
        # Each session would get every message. And some brokers share badly: rumqttd 0.20 dies when the last session
        # of a group disconnects.
        if settings.BRIDGE_SLOTS > 1 and not settings.MQTT_SHARED:
            raise CommandError(
                "BRIDGE_SLOTS needs a shared subscription, and MQTT_SHARED is off.", returncode=WRONG_USAGE
            )

    @staticmethod
    def _end(bridge: Bridge) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        bridge.stop()
