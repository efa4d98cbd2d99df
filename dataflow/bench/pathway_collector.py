"""The collector that Pathway makes: JSON from MQTT into PostgreSQL, with persistence, so that it loses nothing.

Run by the Python of an environment that has Pathway, with the topic, the table and a folder for its state. Like
`dataflow.bench.collector` it reads the URLs of broker and database from two lines of standard input. It stores what the
payload says; the device, which the topic says, is beyond its connector.
"""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pathway as pw  # type: ignore[import-not-found]  # in an environment of its own

COMMIT_MS = 100  # of its input; longer made it no cheaper
SNAPSHOT_MS = 1_000  # between two checkpoints, after which it acknowledges


class Reading(pw.Schema):  # type: ignore[misc]
    """The payload of the benchmark's load."""

    timestamp: float
    seq: int
    speed: float
    heading: float
    latitude: float
    longitude: float


def collect(mqtt_url: str, database_url: str, topic: str, table: str, folder: Path) -> None:
    """Collect until the process is ended."""
    logging.disable(logging.INFO)  # it would write a line for every message that it acknowledges
    database = urlsplit(database_url)
    settings = {
        "host": database.hostname or "127.0.0.1",
        "port": str(database.port or 5432),
        "user": unquote(database.username or ""),
        "password": unquote(database.password or ""),
        "dbname": database.path.lstrip("/"),
    }
    address = f"{mqtt_url.rstrip('/')}/?client_id=bench-pathway"
    readings = pw.io.mqtt.read(
        address, topic, qos=1, schema=Reading, format="json", autocommit_duration_ms=COMMIT_MS, name="readings"
    )
    pw.io.postgres.write(readings, settings, table)
    print("ready", flush=True)
    pw.run(
        monitoring_level=pw.MonitoringLevel.NONE,
        persistence_config=pw.persistence.Config(
            pw.persistence.Backend.filesystem(str(folder)), snapshot_interval_ms=SNAPSHOT_MS
        ),
    )


if __name__ == "__main__":
    _, its_topic, its_table, its_folder = sys.argv
    collect(sys.stdin.readline().strip(), sys.stdin.readline().strip(), its_topic, its_table, Path(its_folder))
