"""Which devices make one series: each its own, those with a tag, or all of them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from validation.history.choosing import Sender
from validation.history.question import By


@dataclass(frozen=True, slots=True)
class Group:
    """The devices of one series; `device` and `tag` are what it is called by, both None for all devices."""

    senders: tuple[Sender, ...]
    device: str | None = None
    tag: str | None = None

    @property
    def interval_s(self) -> float:
        """Return the seconds in which at least one reading is expected."""
        return min(sender.interval_s for sender in self.senders)


def groups_of(senders: Sequence[Sender], by: By, tags: Sequence[str]) -> list[Group]:
    """Return the groups, none of them empty.

    A device with several tags is in several groups, and one without any is in none; with `tags` there are groups for
    those alone.
    """
    if by == "device":
        return [Group((sender,), device=sender.name) for sender in senders]
    if by == "all":
        return [Group(tuple(senders))] if senders else []
    names = sorted({tag for sender in senders for tag in sender.tags if not tags or tag in tags})
    return [Group(tuple(sender for sender in senders if tag in sender.tags), tag=tag) for tag in names]
