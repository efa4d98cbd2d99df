"""Quarantine: what did not pass, exactly as it came, with every reason; see docs/quarantine.md."""

from validation.quarantine.groups import Group, groups
from validation.quarantine.keeping import keep, readable, readable_topic
from validation.quarantine.leaving import discard, enforce_limits, expired
from validation.quarantine.selection import Selection, decoded, records, select

__all__ = [
    "Group",
    "Selection",
    "decoded",
    "discard",
    "enforce_limits",
    "expired",
    "groups",
    "keep",
    "readable",
    "readable_topic",
    "records",
    "select",
]
