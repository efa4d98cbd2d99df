"""The tables of this room, but for those of the readings themselves, which `validation.tables` makes."""

from validation.models.books import (
    Duplicate,
    LedgerEntry,
    LedgerMinute,
    LedgerSettlement,
    LedgerVerdict,
)
from validation.models.definitions import PLAIN_SETTINGS, DataModel, Field, ModelRule, ModelVersion
from validation.models.quarantined import Quarantined, QuarantineLoss, Replay
from validation.models.readings import Expired, Latest

__all__ = [
    "PLAIN_SETTINGS",
    "DataModel",
    "Duplicate",
    "Expired",
    "Field",
    "Latest",
    "LedgerEntry",
    "LedgerMinute",
    "LedgerSettlement",
    "LedgerVerdict",
    "ModelRule",
    "ModelVersion",
    "QuarantineLoss",
    "Quarantined",
    "Replay",
]
