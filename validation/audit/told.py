"""The books as text, for people at a shell."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict

from validation.audit.books import Books, named
from validation.audit.breakdown import Line
from validation.audit.tables import TableBooks
from validation.gaps import Gaps

UNKNOWN = "–"
COUNTS = ("received", "stored", "duplicate", "quarantined", "in_flight")


def table_of_books(books: Books, expired: int | None, balanced: bool) -> str:
    """Return the books with their verdict."""
    # Losses are not counted by device.
    known = {name: count for name, count in asdict(books).items() if name != "lost" or expired is not None}
    rows = [f"{name.replace('_', ' '):<12}{count:>15,}" for name, count in known.items()]
    if expired is not None:
        rows.append(f"{'expired':<12}{expired:>15,}  of the quarantined, and no longer kept")
    verdict = "balanced" if balanced else "NOT balanced" + (f": {books.missing:,} missing" if books.missing else "")
    return "\n".join([*rows, verdict])


def table_of_lines(lines: Sequence[Line], by: Collection[str], device: str | None) -> str:
    """Return the books by minute, model or device."""
    columns = [name for name in ("minute", "model", "device") if name in by or (name == "device" and device)]
    if not lines:
        return f"Nothing was received yet, by {' and '.join(columns)}."
    rows = [[*columns, *(name.replace("_", " ") for name in COUNTS), ""]]
    for line in lines:
        counts = [_count(getattr(line, name)) for name in COUNTS]
        rows.append([*(_key(line, name) for name in columns), *counts, "" if line.balanced is not False else "WRONG"])
    return _aligned(rows, len(columns))


def _key(line: Line, name: str) -> str:
    if name == "minute":
        return UNKNOWN if line.minute is None else named(line.minute)
    if name == "model":
        model = UNKNOWN if line.model is None else line.model or "(no model)"
        return model if line.version is None else f"{model} v{line.version}"
    return line.device or "(none)"


def table_of_tables(tables: Sequence[TableBooks]) -> str:
    """Return each table beside the books."""
    rows = [["table", "stored", "rows", "removed", ""]]
    for table in tables:
        verdict = "agrees" if not table.excess else f"{table.excess:+,} rows"
        rows.append([table.model, _count(table.stored), _count(table.in_table), _count(table.removed), verdict])
    return _aligned(rows, 1)


def table_of_gaps(gaps: Gaps) -> str:
    """Return the missing sequence numbers, or that there are none."""
    span = f"between {gaps.start:%Y-%m-%d %H:%M} and {gaps.end:%Y-%m-%d %H:%M} UTC"
    if not gaps.models:
        return "No model whose readings carry a time and a sequence has a table, so there are no gaps to look for."
    if not gaps.found:
        return f"No sequence number is missing {span} ({', '.join(gaps.models)})."
    rows = [["device", "model", "missing", "from", "to", "after", "before"]]
    rows += [
        [
            gap.device,
            gap.model,
            _count(gap.missing),
            str(gap.first),
            str(gap.last),
            f"{gap.after:%F %T}",
            f"{gap.before:%F %T}",
        ]
        for gap in gaps.found
    ]
    more = " There are more than are listed." if gaps.is_cut else ""
    return f"{_aligned(rows, 2)}\n{gaps.missing:,} sequence numbers are missing {span}.{more}"


def _count(number: int | None) -> str:
    return UNKNOWN if number is None else f"{number:,}"


def _aligned(rows: Sequence[Sequence[str]], left: int) -> str:
    """Return rows in columns; the first ones begin at the left, the others end at the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(
            text.ljust(width) if column < left else text.rjust(width)
            for column, (text, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
