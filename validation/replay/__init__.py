"""Judge quarantined readings again, by the models in service now; see docs/quarantine.md."""

from validation.replay.advancing import advance
from validation.replay.runs import TASK, TURNS, abandoned, newest, resume, start, stop

__all__ = ["TASK", "TURNS", "abandoned", "advance", "newest", "resume", "start", "stop"]
