"""An MQTT broker from the wheel iotcore (rumqttd 0.20), with a generated configuration.

It needs nothing installed, starts in a tenth of a second, and handed 130,000 to 217,000 messages a second to one
subscriber. What it cannot do, measured, so that nobody has to find out again:

- It keeps everything in memory. When it dies, what it had acknowledged and not yet handed on is lost.
- What passes a subscription's filter is kept in one log, from which every session reads at its own pace. The log holds
  at least SEGMENT_BYTES x (SEGMENTS - 1): 440,000 messages of the sample payload of 130 bytes, which is seven minutes
  at 1,000 messages a second, or two minutes of 600-byte payloads at 1,000 a second. A session that is away for longer
  loses the oldest ones, without a word. The log is emptied by nobody: once that much has passed, the broker holds
  about 220 MB (30 MB when idle, and 50 kB per connection).
- A message that no subscription matches is acknowledged and gone. So `sessions` are subscribed before anybody else gets
  in, also when it had to be started again; rumqttd.py does that.
- A shared subscription (`$share/…`) whose last connected member leaves with a message unacknowledged ends the broker's
  router: it runs on and answers nobody. Hence `MQTT_SHARED=false` in the stack's settings, one bridge with one session,
  and `patience`, after which a broker that does not answer is started again.
- A session gets at most 100 messages ahead of its acknowledgements, whatever it and the configuration say. While it
  is that far ahead, it gets nothing else either, not even an answer to a ping.
- Acknowledgements out of order, or twice, end the connection. So do a keep-alive of 0 and a topic that is not UTF-8.
- A session is kept when the client connects with clean start off, and then for ever: the expiry interval is ignored.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dataflow.embedded.ports import LOOPBACK
from dataflow.embedded.private import write_private
from dataflow.embedded.probes import Unreachable, probe_mqtt
from dataflow.embedded.program import Program

MAX_CONNECTIONS = 4000
MAX_PAYLOAD = 4 * 1024 * 1024  # bytes; a publisher of more is disconnected
MAX_INFLIGHT = 2000  # what rumqttd is told; see above for what it does
SEGMENT_BYTES = 4 * 1024 * 1024  # of topics, payloads and 40 bytes each; the oldest segment is dropped as a whole
SEGMENTS = 20
READY = "subscribed"  # the file that rumqttd.py leaves when the sessions stand
RUN = str(Path(__file__).with_name("rumqttd.py"))
REST_MS = 5  # between two connections that the broker takes from a port; see rumqttd.py


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
        sessions = json.dumps([[session.client_id, session.filters] for session in self.sessions])
        where = (str(self.folder / "rumqttd.toml"), str(self.port5), str(self.port311))
        return Program(
            name=self.name,
            argv=(sys.executable, "-I", RUN, *where, sessions),
            stop_signal=signal.SIGTERM,
            stop_seconds=3,
        )

    def check(self) -> None:
        """Raise Unreachable unless the sessions stand and both listeners accept a client."""
        if not (self.folder / READY).exists():
            raise Unreachable("its sessions are not subscribed yet")
        probe_mqtt(self.url311, version5=False)
        probe_mqtt(self.url, version5=True)

    def finish(self) -> None:
        """Leave the broker as it is."""

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
next_connection_delay_ms = {REST_MS}
[{version}.1.connections]
connection_timeout_ms = 60000
max_payload_size = {MAX_PAYLOAD}
max_inflight_count = {MAX_INFLIGHT}
dynamic_filters = true
"""
