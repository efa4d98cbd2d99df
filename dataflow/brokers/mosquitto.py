"""The configuration of Mosquitto 2.0 and 2.1."""

from __future__ import annotations

import math

from dataflow.brokers.sizing import Demand, duration, megabytes

# Measured with Mosquitto 2.0.11: a queued message takes this much besides its payload, in memory and on disk.
MEMORY_BYTES, DISK_BYTES = 400, 160
SAVE_S_A_MILLION = 2.5  # seconds that a save of a million queued messages stops the broker for
SAVE_EVERY_S = 10  # at least; longer when a save takes longer than a quarter of it

TEMPLATE = """\
# Mosquitto 2.0 and 2.1, as a broker that the promise may rest on. Written by
#   manage.py broker_config mosquitto {arguments}
# Change it there, not here. `start.sh` beside it adds the accounts.

listener 1883
allow_anonymous false

# --- What it keeps --------------------------------------------------------------------------------------------------
# Sessions, what is queued for them, and retained messages survive a restart. A clean stop saves everything; in
# between the whole state is saved every {save_every} s, and the broker answers nobody meanwhile: that takes
# milliseconds in normal times and about {save_s:.1f} s with a full queue. So a broker that is killed or loses power
# forgets what it acknowledged in the last {save_every} s and had not handed on: normally some milliseconds' worth,
# and up to {save_every} s' worth while the bridge is away. Saving on every so many changes instead would write the
# whole state ever more often, the longer the queue is.
persistence true
persistence_location /mosquitto/data
autosave_interval {save_every}
autosave_on_changes false

# The bridge's session expires a week after its last connection; this is for devices that never come back.
persistent_client_expiration 30d

# --- How much it holds while the bridge is away ---------------------------------------------------------------------
# Beyond these limits Mosquitto drops the newest messages, although it has acknowledged them to the device; it says so
# only in its log and in $SYS/broker/publish/messages/dropped, which the bridge watches. So they cover the longest
# outage:
#
#   {rate:,g} messages a second × {outage:,g} s ({outage_words}) = {messages:,} messages
#
# A full queue of messages of {payload} bytes takes about {memory} of memory and {disk} on disk. Both limits count per
# session, so a bridge with two slots holds twice as much. The limit in bytes only protects the memory: it is reached
# first when messages have more than {larger:,} bytes. A value of 0 would not be "unlimited" in every version: 2.0.16
# then drops everything.
max_queued_messages {messages}
max_queued_bytes {queue_bytes}

# --- How it delivers ------------------------------------------------------------------------------------------------
# The bridge acknowledges in batches: it takes up to {window:,} messages before the first acknowledgement, and a
# smaller window (the default is 20) would make it wait for messages that the broker holds back.
max_inflight_messages {window}
# Packets may leave together (Nagle's algorithm, and Mosquitto's default): at full load each by itself would cost the
# broker and the bridge a sixth of the rate. The bridge waits 20 ms for more anyway. A device that sends five messages
# at once and then nothing hears after 40 ms instead of at once that the last ones are acknowledged.
set_tcp_nodelay false

# --- Limits for clients ---------------------------------------------------------------------------------------------
# A larger packet ends the connection. The bridge takes up to 16 MiB.
max_packet_size {packet}
# {devices:,} devices and some others. Each needs a file descriptor of the process (ulimit -n).
max_connections {connections}

# How often the counters under $SYS are published, in seconds.
sys_interval 10

log_dest stdout
log_timestamp_format %Y-%m-%dT%H:%M:%S
log_type error
log_type warning
log_type notice
# One line per connection would be most of the log.
connection_messages false
"""


def configuration(demand: Demand, arguments: str) -> str:
    """Return mosquitto.conf for a demand; `arguments` are those that it was asked for with."""
    save_s = SAVE_S_A_MILLION * demand.messages / 1e6
    return TEMPLATE.format(
        arguments=arguments,
        save_every=max(SAVE_EVERY_S, math.ceil(4 * save_s)),
        save_s=save_s,
        rate=demand.rate,
        outage=demand.outage,
        outage_words=duration(demand.outage),
        messages=demand.messages,
        payload=demand.payload,
        memory=megabytes(demand.messages * (MEMORY_BYTES + demand.payload)),
        disk=megabytes(demand.messages * (DISK_BYTES + demand.payload)),
        larger=demand.queue_bytes // demand.messages,
        queue_bytes=demand.queue_bytes,
        window=demand.window,
        packet=demand.packet,
        devices=demand.devices,
        connections=demand.connections,
    )
