"""Judge quarantined readings again, by the models in service now; see docs/quarantine.md."""

from validation.replay.advancing import advance
from validation.replay.runs import TASK, abandoned, newest, resume, start, stop, wake, wake_key

__all__ = ["TASK", "abandoned", "advance", "newest", "resume", "start", "stop", "wake", "wake_key"]
