"""Say at the end what became of the readings, for people and for programs."""

from __future__ import annotations

import json

from simulators.counts import Counts, total
from simulators.fleet import Ending, Outcome

COLUMNS = ("made", "sent", "acknowledged", "queued", "dropped", "refused")
LISTED = 50  # devices in a table for people; beyond that only those that are not as they should be

DONE, FAILED, UNREACHABLE, INTERRUPTED = 0, 1, 3, 130


def exit_code(outcome: Outcome) -> int:
    """Return the code that the command's help explains.

    A run that was told to end by SIGTERM may leave readings to the next one; one that ended by itself may not.
    """
    sums = total(list(outcome.counts.values()))
    if outcome.ending in (Ending.INTERRUPTED, Ending.FORCED):
        return INTERRUPTED
    if outcome.ending is Ending.TERMINATED:
        return DONE
    if outcome.ending is Ending.FINISHED and not outcome.connected:
        return UNREACHABLE
    return FAILED if outcome.ending is Ending.FAILED or sums.queued or sums.dropped or sums.set_aside else DONE


def as_json(outcome: Outcome) -> str:
    """Return the summary as one JSON object."""
    return json.dumps(
        {
            "ending": outcome.ending.value,
            "connected": outcome.connected,
            "seconds": outcome.seconds,
            "total": total(list(outcome.counts.values())).as_dict(),
            "devices": {name: counts.as_dict() for name, counts in outcome.counts.items()},
        }
    )


def as_table(outcome: Outcome) -> str:
    """Return the summary as text, one line per device."""
    listed = outcome.counts
    if len(listed) > LISTED:
        listed = {name: counts for name, counts in listed.items() if is_odd(counts)}
    everything = f"all {len(outcome.counts)}"
    width = max(len(name) for name in (*listed, everything, "device"))
    lines = ["  ".join(["device".ljust(width), *(column.rjust(12) for column in COLUMNS)])]
    lines += [row(name, counts, width) for name, counts in listed.items()]
    if len(outcome.counts) > 1:
        lines.append(row(everything, total(list(outcome.counts.values())), width))
    return "\n".join(lines)


def is_odd(counts: Counts) -> bool:
    """Tell whether a device deserves a line among a thousand."""
    return bool(counts.queued or counts.dropped or counts.refused or counts.skipped or not counts.connections)


def row(name: str, counts: Counts, width: int) -> str:
    """Return one line of the table."""
    return "  ".join([name.ljust(width), *(f"{getattr(counts, column):,}".rjust(12) for column in COLUMNS)])
