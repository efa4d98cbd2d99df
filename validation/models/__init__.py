"""The tables of this room, but for those of the readings themselves, which `validation.tables` makes."""

from validation.models.books import (
    BookCheck,
    Duplicate,
    LedgerEntry,
    LedgerMinute,
    LedgerSettlement,
    LedgerTrail,
    LedgerVerdict,
    ReadingNote,
)
from validation.models.definitions import PLAIN_SETTINGS, DataModel, Field, ModelRule, ModelVersion
from validation.models.imports import Import, ImportPart
from validation.models.quarantined import Quarantined, QuarantineLoss, Replay
from validation.models.readings import Expired, Latest, RollupMark, RollupSpan

__all__ = [
    "PLAIN_SETTINGS",
    "BookCheck",
    "DataModel",
    "Duplicate",
    "Expired",
    "Field",
    "Import",
    "ImportPart",
    "Latest",
    "LedgerEntry",
    "LedgerMinute",
    "LedgerSettlement",
    "LedgerTrail",
    "LedgerVerdict",
    "ModelRule",
    "ModelVersion",
    "QuarantineLoss",
    "Quarantined",
    "ReadingNote",
    "Replay",
    "RollupMark",
    "RollupSpan",
]
