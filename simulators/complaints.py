"""Say what goes wrong once a minute, not once a device and second."""

from __future__ import annotations

import logging
import time

QUIET_S = 60.0


class Complaints:
    """Log a warning the first time it comes up, then at most once a minute with the number of times in between."""

    def __init__(self, log: logging.Logger, quiet: float = QUIET_S) -> None:
        self._log = log
        self._quiet = quiet
        self._said: dict[str, tuple[float, int]] = {}

    def complain(self, kind: str, message: str) -> None:
        """Log `message`, unless one of the same `kind` was logged less than a minute ago."""
        now = time.monotonic()
        said_at, kept_back = self._said.get(kind, (None, 0))
        if said_at is not None and now - said_at < self._quiet:
            self._said[kind] = (said_at, kept_back + 1)
            return
        self._said[kind] = (now, 0)
        self._log.warning("%s%s", message, f" (and {kept_back} like it since)" if kept_back else "")
