"""An MQTT broker from the wheel iotcore (rumqttd 0.20), with a generated configuration.

It needs nothing installed, starts in a tenth of a second and hands on some 200,000 messages a second. What it cannot
do, measured, so that nobody has to find out again:

- It keeps everything in memory. When it dies, what it had acknowledged and not yet handed on is lost.
- What passes a subscription's filter is kept in one log, from which every session reads at its own pace. The log holds
  at least SEGMENT_BYTES x (SEGMENTS - 1): 440,000 messages of the sample payload of 130 bytes, which is seven minutes
  at 1,000 messages a second, or two minutes of 600-byte payloads at 1,000 a second. A session that is away for longer
  loses the oldest ones, without a word. The log is emptied by nobody: once that much has passed, the broker holds
  about 220 MB (30 MB when idle, and 50 kB per connection).
- A message that no subscription matches is acknowledged and gone. So `sessions` are subscribed before anybody is told
  that the broker is there, also when it had to be started again.
- A shared subscription (`$share/…`) whose last connected member leaves with a message unacknowledged ends the broker's
  router: it runs on and answers nobody. Hence `MQTT_SHARED=false` in the stack's settings, one bridge with one session,
  and `patience`, after which a broker that does not answer is started again.
- A session gets at most 100 messages ahead of its acknowledgements, whatever it and the configuration say. While it
  is that far ahead, it gets nothing else either, not even an answer to a ping.
- Acknowledgements out of order, or twice, end the connection. So do a keep-alive of 0 and a topic that is not UTF-8.
- A session is kept when the client connects with clean start off, and then for ever: the expiry interval is ignored.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from paho.mqtt.client import Client, ConnectFlags, MQTTv5
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from dataflow.embedded.ports import LOOPBACK
from dataflow.embedded.private import write_private
from dataflow.embedded.probes import Unreachable, probe_mqtt
from dataflow.embedded.program import Program

MAX_CONNECTIONS = 4000
MAX_PAYLOAD = 4 * 1024 * 1024  # bytes; a publisher of more is disconnected
MAX_INFLIGHT = 2000  # what rumqttd is told; see above for what it does
SEGMENT_BYTES = 4 * 1024 * 1024  # of topics, payloads and 40 bytes each; the oldest segment is dropped as a whole
SEGMENTS = 20
SESSION_SECONDS = 5.0

# The broker runs until it is killed. Its log wraps every message in a span of level ERROR, so nothing of it is let
# through; what matters (a port in use, a bad file) ends the process with a message.
RUN = """
import logging, sys
logging.getLogger("rumqttd").setLevel(logging.CRITICAL)
from iotcore.iotcore import IotCoreBroker
IotCoreBroker(config_path=sys.argv[1]).run_forever()
"""


@dataclass(frozen=True)
class Session:
    """A session that exists before its client comes for the first time, and what it is subscribed to."""

    client_id: str
    filters: tuple[str, ...]


class Broker:
    """The embedded broker: one listener for MQTT 3.1.1 and one for MQTT 5, both on the loopback interface."""

    name = "broker"
    patience = 10.0

    def __init__(self, data_dir: Path, port311: int, port5: int, sessions: Sequence[Session] = ()) -> None:
        self.folder = data_dir / "broker"
        self.port311 = port311
        self.port5 = port5
        self.sessions = tuple(sessions)

    @property
    def url(self) -> str:
        """Return where MQTT 5 clients find it."""
        return f"mqtt://{LOOPBACK}:{self.port5}"

    @property
    def url311(self) -> str:
        """Return where MQTT 3.1.1 clients find it."""
        return f"mqtt://{LOOPBACK}:{self.port311}"

    def prepare(self) -> None:
        """Write the configuration."""
        self.folder.mkdir(parents=True, exist_ok=True)
        write_private(self.folder / "rumqttd.toml", self._configuration())

    def program(self) -> Program:
        """Return the broker. It keeps nothing on disk, so it may be killed."""
        return Program(
            name=self.name,
            argv=(sys.executable, "-I", "-c", RUN, str(self.folder / "rumqttd.toml")),
            stop_signal=signal.SIGTERM,
            stop_seconds=3,
        )

    def check(self) -> None:
        """Raise Unreachable unless both listeners accept a client."""
        probe_mqtt(self.url311, version5=False)
        probe_mqtt(self.url, version5=True)

    def finish(self) -> None:
        """Subscribe the sessions that must not miss anything. A client that is there already is disconnected once."""
        for session in self.sessions:
            subscribe(session, self.port5)

    def _configuration(self) -> str:
        router = f"""\
id = 0

[router]
id = 0
max_connections = {MAX_CONNECTIONS}
max_outgoing_packet_count = 200
max_segment_size = {SEGMENT_BYTES}
max_segment_count = {SEGMENTS}
"""
        return router + listener("v4", self.port311) + listener("v5", self.port5)


def listener(version: str, port: int) -> str:
    """Return the part of the configuration that opens a port for one version of MQTT."""
    return f"""
[{version}.1]
name = "{version}"
listen = "{LOOPBACK}:{port}"
next_connection_delay_ms = 0
[{version}.1.connections]
connection_timeout_ms = 60000
max_payload_size = {MAX_PAYLOAD}
max_inflight_count = {MAX_INFLIGHT}
dynamic_filters = true
"""


def subscribe(session: Session, port: int) -> None:
    """Create a session and leave it to the broker. Blocks for `SESSION_SECONDS` at most; raises Unreachable."""
    done = threading.Event()
    client = Client(CallbackAPIVersion.VERSION2, session.client_id, protocol=MQTTv5)

    def connected(_c: Client, _u: object, _f: ConnectFlags, reason: ReasonCode, _p: Properties | None) -> None:
        client.subscribe([(topic, 1) for topic in session.filters])

    client.on_connect = connected
    client.on_subscribe = lambda *_: done.set()
    # The session belongs to somebody else: what it holds stays there, unacknowledged.
    client.manual_ack_set(True)
    try:
        client.connect(LOOPBACK, port, clean_start=False)
        client.loop_start()
        subscribed = done.wait(SESSION_SECONDS)
        client.disconnect()
        client.loop_stop()
    except OSError as error:
        raise Unreachable(f"cannot subscribe {session.client_id}: {error}") from error
    if not subscribed:
        raise Unreachable(f"the broker did not confirm the subscription of {session.client_id}")
