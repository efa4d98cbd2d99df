"""The control runs: one rule of the product broken on purpose each, and a fault that then has to be reported.

A suite that never fails proves nothing. How a rule is broken stands in the folder `controls`, in a file of the same
name; the broker's short queue is a line of its configuration.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.chaos.run import Row


@dataclass(frozen=True, slots=True)
class Control:
    """A broken rule, the fault that shows it, and what the row then has to say."""

    name: str
    title: str
    fault: str
    shown: Callable[[Row], bool]


def loses(row: Row) -> bool:
    """Tell whether acknowledged readings are gone."""
    return row.lost > 0


def doubles(row: Row) -> bool:
    """Tell whether readings are stored more than once."""
    return row.duplicated > 0


CONTROLS = (
    Control("ack_before_append", "acknowledged before it is in a buffer", "F7-bridge", loses),
    Control("xack_before_commit", "let go of before it is stored", "F3", loses),
    Control("no_deduplication", "stored as often as it comes", "F18-puback", doubles),
    Control("short_queue", "a broker that queues 100 messages", "F2", loses),
    Control("clean_start", "a new session at each start", "F2", loses),
)
