"""What to do with a row that the broker refuses.

A refusal (a PUBACK with a reason code of 0x80 or more) may be the device's fault, the operator's or the
row's. An access rule or a quota stops every row, and waiting until it is mended loses nothing. A row that
alone is refused would stop all that follow it for ever. So a refused row is tried again, alone, after a back-
off. After five refusals the row behind it is sent along, and only when the broker refuses the one and takes
the other is the row set aside.
"""

from __future__ import annotations

from collections.abc import Collection

TRIES = 5


class Refusals:
    """The rows that the broker has refused and not taken since."""

    def __init__(self, tries: int = TRIES) -> None:
        self._tries = tries
        self._refused: dict[int, int] = {}  # row -> times

    def __bool__(self) -> bool:
        return bool(self._refused)

    def refuse(self, row_id: int) -> None:
        """Note one more refusal of a row."""
        self._refused[row_id] = self._refused.get(row_id, 0) + 1

    def accept(self, row_id: int, under_way: Collection[int]) -> list[int]:
        """Note that a row was accepted; return the older rows, not under way, that are to be set aside for it."""
        self._refused.pop(row_id, None)
        convicted = [row for row in self._exhausted() if row < row_id and row not in under_way]
        for row in convicted:
            del self._refused[row]
        return convicted

    def forget_below(self, row_id: int) -> None:
        """Forget rows that have left the outbox meanwhile: all below the oldest one left."""
        self._refused = {row: times for row, times in self._refused.items() if row >= row_id}

    @property
    def window(self) -> int | None:
        """Publishes that may be under way at once, None for no limit."""
        return 1 + len(self._exhausted()) if self._refused else None

    def _exhausted(self) -> list[int]:
        return [row for row, times in self._refused.items() if times >= self._tries]
