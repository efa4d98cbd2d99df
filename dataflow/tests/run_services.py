"""Start the embedded services in a folder and print a note that has survived there: `run_services.py FOLDER NOTE`.

A program of its own, so that the tests can run it as another user.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import psycopg
import redis

from dataflow.embedded.plan import plan_services
from dataflow.embedded.ports import Ports
from dataflow.embedded.running import start_services


def main(folder: Path, note: str) -> None:
    """Print the notes of earlier runs, leave a new one, and stop."""
    plan = plan_services(folder, lambda name: False, Ports(anywhere=True))
    with start_services(plan, folder / "logs") as settings:
        with psycopg.connect(settings["DATABASE_URL"], autocommit=True) as database:
            database.execute("CREATE TABLE IF NOT EXISTS note (text text)")
            database.execute("INSERT INTO note VALUES (%s)", [note])
            rows = [text for (text,) in database.execute("SELECT text FROM note").fetchall()]
            user = database.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone()
        entries = []
        for url in settings["BUFFER_URLS"].split(","):
            with redis.Redis.from_url(url) as buffer:
                buffer.xadd("notes", {"text": note})
                entries.append([fields[b"text"].decode() for _, fields in buffer.xrange("notes")])
    print(json.dumps({"uid": os.getuid(), "rows": rows, "entries": entries, "superuser": user and user[0]}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
