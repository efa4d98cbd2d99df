"""Guess how many messages the broker sends before it wants an acknowledgement.

MQTT lets a client say how many it would take, but not the broker how many it will send at most: Mosquitto sends as many
as it may, rumqttd never more than 100. With a window smaller than a batch the bridge would wait for messages that the
broker holds back until the batch is acknowledged. So it watches for lulls: two in a row with as many messages
outstanding are taken for a full window, and from then on a batch is closed as soon as it holds that many.
"""

from __future__ import annotations

# A lull with fewer messages is no full window but little traffic, for which the time limit of a batch is right.
LEAST = 16


class WindowGuess:
    """Tell when the broker is waiting for us. A wrong guess costs smaller batches until a window exceeds it."""

    def __init__(self) -> None:
        self.size = 0  # messages; 0 while there is no guess
        self._last_lull = 0

    def lull(self, outstanding: int) -> bool:
        """Note that nothing more came; return whether so much is outstanding that the batch should be closed."""
        if outstanding < LEAST:
            return False
        if outstanding == self._last_lull:
            self.size = outstanding
        self._last_lull = outstanding
        return True

    def full(self, outstanding: int) -> bool:
        """Return whether a window of the guessed size is outstanding; drop a guess that proves too small."""
        if 0 < self.size < outstanding:
            self.size = self._last_lull = 0
        return outstanding == self.size > 0
