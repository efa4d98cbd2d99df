"""What was noticed to be odd in a window: the one place where facts ask for it."""

from __future__ import annotations

from collections.abc import Sequence

from insights.facts.fact import Noticed, Window


def noticed(model: str, device_ids: Sequence[int] | None, window: Window) -> tuple[Noticed, ...]:
    """Return what was noticed about devices of a model in a window, of all if None: nothing is looked for yet."""
    return ()
