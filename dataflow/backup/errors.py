"""The one exception of a backup that cannot be made, or cannot be trusted."""

from __future__ import annotations


class BackupError(Exception):
    """A backup cannot be made or restored; the message says why and what to do."""
