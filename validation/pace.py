"""When a worker drains again: how long it is worth waiting for more to store at once. Pure.

A transaction costs as much as a thousand readings; a device's row of newest values as much as some five, however many
readings of the device move it; and a model, with a statement and an announcement of its own, as some 25 such rows. So
the wait grows with the rate, and with how much of that work a turn does.
"""

from __future__ import annotations

import math

# Seconds from the beginning of a turn until the next one, unless there is more to do at once; the longer above so many
# messages a second, where nobody follows single readings.
REST_S, REST_OF_MANY_S, MANY_A_SECOND = 0.05, 0.4, 6_000
MEAN_OVER_S = 2.0  # the time constant of the mean that a rate is
# The longest rest: buffers do not fill up meanwhile to what counts as being behind (`validation.backlog`). And how many
# messages to a row of newest values, or what is worth one, make a longer rest useless.
LONGEST_REST_S, ENOUGH_FOR_A_ROW = 1.6, 20
ROWS_A_MODEL = 25


class Pace:
    """How long one worker rests. It goes by the rate of some seconds: what has piled up for a moment is not many."""

    def __init__(self) -> None:
        self._rate = 0.0  # messages a second

    def rest_s(self, messages: int, rows: int, seconds: float) -> float:
        """Return the seconds between the beginnings of two turns.

        `messages` were stored in the turn that has ended, and `rows` is what was done once (`rows_of`); `seconds` have
        passed since the beginning of the turn before.
        """
        if seconds > 0:
            self._rate += (messages / seconds - self._rate) * -math.expm1(-seconds / MEAN_OVER_S)
        if self._rate <= MANY_A_SECOND:
            return REST_S
        return min(LONGEST_REST_S, max(REST_OF_MANY_S, ENOUGH_FOR_A_ROW * rows / self._rate))


def rows_of(devices: int, models: int) -> int:
    """Return what a chunk does once, in rows of newest values: one for each device, and more for each model."""
    return devices + ROWS_A_MODEL * models


def is_wide(messages: int, rows: int) -> bool:
    """Tell whether a chunk had so few messages to what was done once that a larger one would be cheaper."""
    return messages < ENOUGH_FOR_A_ROW * rows
