"""What every reader of a file gives: pieces of rows, each with where to go on after it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

MAX_ROWS = 500  # of a piece, which becomes one envelope
MAX_RECORD = 262_144  # bytes of a row in a text file; no message may be larger
MAX_COLUMNS = 2_000
SAMPLE = 200  # characters that are kept of a row that cannot be read


class Refused(ValueError):
    """A file cannot be imported as it was asked for; the message is a sentence for people."""


class Position(NamedTuple):
    """Where a reader goes on: bytes of the file that are done (about, in Parquet), and rows."""

    offset: int = 0
    row: int = 0


class Skipped(NamedTuple):
    """A row that is none: no message can be made of it. `code` is stable, `detail` for people."""

    code: str
    detail: str
    sample: bytes


@dataclass(slots=True)
class Piece:
    """Some rows, as columns in the order of the reader's: None is nothing. `after` is where the next ones begin."""

    columns: list[list[Any]]
    after: Position
    skipped: list[Skipped] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.columns[0]) if self.columns else 0


class Reader(Protocol):
    """An open file. Belongs to one thread; memory is bounded whatever the file holds."""

    columns: list[str]
    typed: bool  # whether values have the types of the file, in place of being texts as people write them

    def next(self) -> Piece | None:
        """Return the next rows, None at the end; raise Refused when the file cannot be read any further."""

    def close(self) -> None:
        """Close the file."""
