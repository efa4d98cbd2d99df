"""What the sessions of the bridges subscribe to, and in which form."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ingest.names import group_of


class Filters(NamedTuple):
    """Topic filters in the form that is wanted, and in the one that they may have had before."""

    wanted: tuple[str, ...]
    former: tuple[str, ...]

    @classmethod
    def of(cls, topics: Sequence[str], session: str, shared: bool) -> Filters:
        """Return the filters of a session: shared by all sessions of its group, or plain ones."""
        plain, sharing = tuple(topics), tuple(f"$share/{group_of(session)}/{topic}" for topic in topics)
        return cls(sharing, plain) if shared else cls(plain, sharing)
