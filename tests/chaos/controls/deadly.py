"""Not a broken rule but a message that a worker does not survive, for the fault that sends one."""

from __future__ import annotations

import os
from types import ModuleType
from typing import Any

TARGET = "validation.writing"
MARK = b"kills the worker"


def change(module: ModuleType) -> None:
    """Let the process die that judges a batch with the mark in it."""
    judge = module.judge

    def dying(batches: Any, *more: Any, **named: Any) -> Any:
        if any(MARK in payload for batch in batches for payload in batch.payloads):
            os._exit(9)
        return judge(batches, *more, **named)

    module.judge = dying  # type: ignore[attr-defined]
