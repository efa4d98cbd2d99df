"""This room in the admin: data models and their versions, quarantine, replays, and the books."""

from validation.admin.books import BookCheckAdmin
from validation.admin.ledger import LedgerMinuteAdmin, LedgerVerdictAdmin
from validation.admin.models import DataModelAdmin
from validation.admin.quarantine import QuarantinedAdmin
from validation.admin.replays import ReplayAdmin
from validation.admin.ring import BufferAdmin
from validation.admin.versions import ModelVersionAdmin

__all__ = [
    "BookCheckAdmin",
    "BufferAdmin",
    "DataModelAdmin",
    "LedgerMinuteAdmin",
    "LedgerVerdictAdmin",
    "ModelVersionAdmin",
    "QuarantinedAdmin",
    "ReplayAdmin",
]
