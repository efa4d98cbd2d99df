"""The table of a run, for people."""

from __future__ import annotations

from collections.abc import Iterable

from tests.chaos.control_runs import CONTROLS
from tests.chaos.run import Row
from tests.chaos.scene import Measure

PROMISED = ("takeover", "new leader", "reclaimed", "noticed")  # measures whose names begin so
CONTROL_NAMES = [control.name for control in CONTROLS]
LINE = "{fault:<28} {verdict:<8} {sent:>8} {lost:>6} {duplicated:>6} {absorbed:>8} {first:>7} {drained:>7}  {did}"
HEAD = LINE.format(
    fault="fault", verdict="verdict", sent="sent", lost="lost", duplicated="twice", absorbed="absorbed",
    first="first s", drained="all s", did="what was done, and how long it took",
)  # fmt: skip


def line(row: Row) -> str:
    """Return a row as a line of the table, with its complaints below."""
    told = ", ".join(text for text in (row.did, *map(str, row.measures)) if text)
    first = LINE.format(
        fault=row.fault,
        verdict=row.verdict,
        sent=row.sent,
        lost=row.lost,
        duplicated=row.duplicated,
        absorbed=row.absorbed,
        first=_seconds(row.first_row_s),
        drained=_seconds(row.drained_s),
        did=f"{row.title}{': ' * bool(told)}{told}",
    )
    return "\n".join([first, *(f"    {text}" for complaint in row.complaints for text in complaint.splitlines())])


def summary(rows: Iterable[Row], seconds: float) -> str:
    """Return the last lines: the longest of each measure that has a limit of its own, and what all rows come to."""
    everything = list(rows)
    controls = [row for row in everything if row.fault in CONTROL_NAMES]
    rows = [row for row in everything if row not in controls]
    failed = [row.fault for row in everything if row.verdict == "FAILED"]
    skipped = sum(row.verdict == "skipped" for row in rows)
    sent, lost, doubled = (sum(getattr(row, name) for row in rows) for name in ("sent", "lost", "duplicated"))
    told = f"{len(rows)} faults, {sent:,} readings sent, {lost} lost, {doubled} stored twice"
    told += f", {skipped} skipped" if skipped else ""
    if controls:
        noticed = sum(row.verdict == "noticed" for row in controls)
        told += f"; {noticed} of {len(controls)} controls noticed"
    told += f", {seconds / 60:.0f} minutes" if seconds >= 120 else f", {seconds:.0f} seconds"
    verdict = f"{told}; " + (f"FAILED: {', '.join(failed)}" if failed else "all is well")
    return "\n".join([*_longest(rows), verdict])


def _longest(rows: Iterable[Row]) -> list[str]:
    """Return the longest of each promised time."""
    found: dict[str, Measure] = {}
    for measure in (measure for row in rows for measure in row.measures):
        name = next((name for name in PROMISED if measure.name.startswith(name)), None)
        if name and (name not in found or measure.seconds > found[name].seconds):
            found[name] = measure
    return [f"{name}: {one.seconds:.1f} s at most (limit {one.limit_s:g} s)" for name, one in found.items()]


def _seconds(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"
