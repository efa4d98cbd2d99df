"""The configuration of EMQX 5.8 and newer, in HOCON."""

from __future__ import annotations

import math

from dataflow.brokers.sizing import MIB, Demand, duration, megabytes

HOUR_S, KIB = 3600, 1024  # EMQX knows no smaller unit of size
# An estimate, not measured: what a queued message takes in a session's own memory besides its payload.
MEMORY_BYTES = 1_000
HEAP_SHARE = 2  # a process that collects its garbage holds up to twice what it needs

TEMPLATE = """\
# EMQX 5.8 or newer, as a broker that the promise may rest on. Written by
#   manage.py broker_config emqx {arguments}
# Change it there, not here. No EMQX was at hand where this was written: its names were compared with EMQX's own schema,
# and its form with HOCON's rules. Put it into etc/base.hocon and look at what `emqx ctl conf show mqtt` says.

# --- What it keeps --------------------------------------------------------------------------------------------------
# An ordinary session lives in memory: a restart of its node forgets what it acknowledged and had not handed on.
# Durable sessions are on disk. One bridge should subscribe plainly (MQTT_SHARED=false): shared subscriptions of
# durable sessions came later than durable sessions, and differ between versions.
durable_sessions {{
  enable = true
  # Longer than the outage: after this time a message is gone, delivered or not.
  message_retention_period = {retention}h
}}

mqtt {{
  # For devices with MQTT 3.1.1; a bridge says itself that its session is to be kept for a week.
  session_expiry_interval = 24h

  # --- How much it holds while the bridge is away -------------------------------------------------------------------
  # A session that is not durable queues this many, and then drops the oldest, although they were acknowledged:
  #
  #   {rate:,g} messages a second × {outage:,g} s ({outage_words}) = {messages:,} messages
  #
  # The bridge watches $SYS/brokers/+/metrics/delivery/dropped/queue_full, which only clients on the same host may
  # read unless authorization (etc/acl.conf) allows it: {{allow, {{username, "platform"}}, subscribe, ["$SYS/#"]}}.
  max_mqueue_len = {messages}
  mqueue_store_qos0 = false

  # --- How it delivers ----------------------------------------------------------------------------------------------
  # The bridge acknowledges in batches: it takes up to {window:,} messages before the first acknowledgement, and a
  # smaller window (the default is 32) would make it wait for messages that the broker holds back.
  max_inflight = {window}

  # A larger packet ends the connection. The bridge takes up to 16 MiB.
  max_packet_size = {packet}KB
}}

# EMQX ends a connection whose memory or mailbox grows beyond these; with the defaults (32 MB, 1,000 messages) it
# would end the bridge's, and its queue with it, long before the queue is full. About {memory} for a full queue of
# messages of {payload} bytes, estimated.
force_shutdown {{
  enable = true
  max_mailbox_size = 100000
  max_heap_size = {heap}MB
}}

# {devices:,} devices and some others.
listeners.tcp.default {{
  bind = "0.0.0.0:1883"
  max_connections = {connections}
}}

# How often the counters under $SYS are published.
sys_topics.sys_msg_interval = 10s
"""


def configuration(demand: Demand, arguments: str) -> str:
    """Return a HOCON file for a demand; `arguments` are those that it was asked for with."""
    memory = demand.messages * (MEMORY_BYTES + demand.payload)
    return TEMPLATE.format(
        arguments=arguments,
        retention=max(24, math.ceil(2 * demand.outage / HOUR_S)),
        rate=demand.rate,
        outage=demand.outage,
        outage_words=duration(demand.outage),
        messages=demand.messages,
        payload=demand.payload,
        memory=megabytes(memory),
        heap=max(32, math.ceil(HEAP_SHARE * memory / MIB)),
        window=demand.window,
        packet=math.ceil(demand.packet / KIB),
        devices=demand.devices,
        connections=demand.connections,
    )
