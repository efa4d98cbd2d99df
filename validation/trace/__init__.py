"""Follow one reading, named by device and event time, through every hop; see docs/books.md."""

from validation.trace.following import Trace, trace
from validation.trace.found import Found, Hop, State
from validation.trace.underway import MOST_ENTRIES, MOST_SECONDS

__all__ = ["MOST_ENTRIES", "MOST_SECONDS", "Found", "Hop", "State", "Trace", "trace"]
