"""The slots of time of what is sent regularly: each is taken once, by one of any number of schedulers.

The table is made by a migration of `dataflow`; it is read and written here by plain SQL, because every room may ask.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

# One slot back is the past, which somebody may have waited in; further back the database's clock was set back.
TAKE = """
INSERT INTO dataflow_scheduledjob AS job (name, every_s, slot, holder, taken_at)
SELECT %(name)s, %(every_s)s, floor(extract(epoch FROM now) / %(every_s)s), %(holder)s, now
FROM clock_timestamp() AS now
ON CONFLICT (name) DO UPDATE
SET every_s = excluded.every_s, slot = excluded.slot, holder = excluded.holder, taken_at = excluded.taken_at
WHERE job.every_s <> excluded.every_s OR excluded.slot > job.slot OR excluded.slot < job.slot - 1
"""
JOBS = """
SELECT name, every_s, holder, taken_at, extract(epoch FROM clock_timestamp() - taken_at)::float8
FROM dataflow_scheduledjob ORDER BY name
"""


class Job(NamedTuple):
    """Something that is sent every `every_s` seconds: by which scheduler last, and when (`age_s` ago)."""

    name: str
    every_s: float
    holder: str
    taken_at: datetime
    age_s: float


def take(cursor: Any, name: str, every_s: float, holder: str) -> bool:
    """Take the present slot of a job, by the database's clock; say False when somebody has it."""
    cursor.execute(TAKE, {"name": name, "every_s": every_s, "holder": holder})
    return bool(cursor.rowcount == 1)


def jobs(cursor: Any) -> list[Job]:
    """Return all jobs that were ever sent, by name."""
    cursor.execute(JOBS)
    return [Job(*row) for row in cursor.fetchall()]
