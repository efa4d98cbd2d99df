"""This room in the admin: data models and their versions, quarantine, replays, the books, and retention."""

from validation.admin.books import BookCheckAdmin
from validation.admin.imports import ImportAdmin
from validation.admin.ledger import LedgerMinuteAdmin, LedgerVerdictAdmin
from validation.admin.models import DataModelAdmin
from validation.admin.quarantine import QuarantinedAdmin
from validation.admin.replays import ReplayAdmin
from validation.admin.retention import ExpiredAdmin
from validation.admin.ring import BufferAdmin
from validation.admin.versions import ModelVersionAdmin

__all__ = [
    "BookCheckAdmin",
    "BufferAdmin",
    "DataModelAdmin",
    "ExpiredAdmin",
    "ImportAdmin",
    "LedgerMinuteAdmin",
    "LedgerVerdictAdmin",
    "ModelVersionAdmin",
    "QuarantinedAdmin",
    "ReplayAdmin",
]
