"""A collector as most people begin it: one callback a message, one INSERT a message, committed each.

    python -m dataflow.bench.collector     reads the URLs of broker and database from two lines of standard input

Says `ready` once it is subscribed, and collects until it is ended. Fast readers of MQTT and JSON would change little:
most of its time is PostgreSQL's, which writes its log to disk for every reading.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any
from urllib.parse import unquote, urlsplit

import psycopg
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

# The platform's own topic, whose messages the bridge leaves alone. One with a $ in front would not even reach it, but
# the embedded broker refuses to subscribe to any of those.
TOPIC = "commands"
TABLE = "bench_naive"
READY = "ready"
FIELDS = ("timestamp", "seq", "speed", "heading", "latitude", "longitude")
CREATE = f"""
CREATE TABLE {TABLE} (
    id bigserial PRIMARY KEY, device text NOT NULL, ts timestamptz NOT NULL, seq bigint,
    speed double precision, heading double precision, latitude double precision, longitude double precision)
"""
INSERT = (
    f"INSERT INTO {TABLE} (device, ts, seq, speed, heading, latitude, longitude) "  # noqa: S608  (a constant)
    "VALUES (%s, to_timestamp(%s), %s, %s, %s, %s, %s)"
)


def collect(mqtt_url: str, database_url: str) -> None:
    """Subscribe and insert what comes, until the process is ended."""
    database = psycopg.connect(database_url, autocommit=True)

    def on_message(_client: Client, _data: Any, message: MQTTMessage) -> None:
        reading = json.loads(message.payload)
        database.execute(INSERT, (message.topic.split("/")[1], *(reading[name] for name in FIELDS)))

    parts = urlsplit(mqtt_url)
    client = Client(CallbackAPIVersion.VERSION2, client_id="bench-naive")
    if parts.username:
        client.username_pw_set(unquote(parts.username), unquote(parts.password or ""))
    client.on_message = on_message
    client.on_disconnect = lambda *_: os._exit(1)  # whoever is refused would try again for ever
    client.on_subscribe = lambda *_: print(READY, flush=True)
    client.connect(parts.hostname or "127.0.0.1", parts.port or 1883)
    client.subscribe(f"{TOPIC}/+/telemetry", qos=1)
    client.loop_forever()


if __name__ == "__main__":
    collect(sys.stdin.readline().strip(), sys.stdin.readline().strip())
