"""Which bridges there are, who holds what, and what is wrong: for a page, the API and `manage.py bridges`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Prefetch
from django.db.models.functions import Now

from ingest.leader import IDLE_S
from ingest.models import BridgeProcess, BridgeSlot, Leader

LEADER = "bridges"  # the matter in which one of the bridges leads
# For as long as this a slot, or the lead, may be between two bridges; afterwards something is wrong.
ADOPTION_S, ELECTION_S = 15.0, 10.0
START_ONE = "manage.py run_bridge"


@dataclass(frozen=True, slots=True)
class HeldSlot:
    """A session at the broker. `since` is when its bridge took it; `retiring` sessions are emptied and ended."""

    number: int
    client_id: str
    epoch: int
    since: datetime | None
    retiring: bool


@dataclass(frozen=True, slots=True)
class VacantSlot:
    """A session that no living bridge holds, and for how long; what the broker keeps for it waits."""

    number: int
    client_id: str
    epoch: int
    since: datetime | None
    vacant_s: float
    retiring: bool


@dataclass(frozen=True, slots=True)
class BridgeState:
    """A bridge, living or dead since not more than a day, and what it holds.

    `heartbeat_age_s` is the time since its last sign of life, by the database's clock. A bridge that is not `fit` does
    not reach the broker or a buffer, and gets no slots as long as another one does. `dropped` is how many messages its
    broker has dropped since it began to watch; None when the broker does not say.
    """

    id: str
    name: str
    host: str
    pid: int
    since: datetime
    heartbeat_age_s: float
    alive: bool
    fit: bool
    leader: bool
    at_most: int | None
    dropped: int | None
    slots: list[HeldSlot]


@dataclass(frozen=True, slots=True)
class LeaderState:
    """Who leads, or led last. The epoch grows with each change; `alive` is false when nobody leads at the moment."""

    bridge: str
    epoch: int
    since: datetime
    heartbeat_age_s: float
    alive: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """All of it at one moment; `problems` are sentences for people, and none when all is well."""

    bridges: list[BridgeState]
    vacant: list[VacantSlot]
    leader: LeaderState | None
    problems: list[str]


def overview() -> Overview:
    """Return all bridges, all vacant slots, the leader, and what is wrong. Five queries; raises database errors."""
    found, vacant, lead = bridges(), vacant_slots(), leader()
    return Overview(found, vacant, lead, list(_problems(found, vacant, lead)))


def bridges() -> list[BridgeState]:
    """Return all bridges that are known, the oldest first. Three queries; raises Django's database errors."""
    found = BridgeProcess.objects.annotate(asked_at=Now())
    found = found.prefetch_related(Prefetch("slots", BridgeSlot.objects.all()))
    lead = leader()
    leads = lead.bridge if lead and lead.alive else None
    return [
        BridgeState(
            id=bridge.id,
            name=bridge.name,
            host=bridge.host,
            pid=bridge.pid,
            since=bridge.since,
            heartbeat_age_s=_seconds(bridge.seen_at, bridge.asked_at),
            alive=bridge.expires_at > bridge.asked_at,
            fit=bridge.fit,
            leader=bridge.id == leads,
            at_most=bridge.at_most,
            dropped=bridge.dropped,
            slots=[_held(slot) for slot in bridge.slots.all()],
        )
        for bridge in found
    ]


def leader() -> LeaderState | None:
    """Return who leads the bridges or led them last; None when none ever has. One query."""
    found = Leader.objects.filter(name=LEADER).annotate(asked_at=Now()).first()
    if found is None:
        return None
    age = _seconds(found.seen_at, found.asked_at)
    return LeaderState(found.holder, found.epoch, found.since, age, alive=age < IDLE_S)


def vacant_slots() -> list[VacantSlot]:
    """Return the slots that no living bridge holds. One query."""
    held_by_the_living = BridgeSlot.objects.filter(expires_at__gt=Now(), bridge__isnull=False)
    rows = BridgeSlot.objects.exclude(pk__in=held_by_the_living).annotate(asked_at=Now())
    return [
        VacantSlot(
            slot.number,
            slot.client_id,
            slot.epoch,
            slot.expires_at,
            _seconds(slot.expires_at, slot.asked_at) if slot.expires_at else 0.0,
            slot.retiring,
        )
        for slot in rows
    ]


def _held(slot: BridgeSlot) -> HeldSlot:
    return HeldSlot(slot.number, slot.client_id, slot.epoch, slot.since, slot.retiring)


def _seconds(since: datetime, now: datetime) -> float:
    return round((now - since).total_seconds(), 3)


# --- What is wrong ---------------------------------------------------------------------------------------------------


def _problems(found: Sequence[BridgeState], vacant: Sequence[VacantSlot], lead: LeaderState | None) -> Iterator[str]:
    alive = [bridge for bridge in found if bridge.alive]
    if not alive:
        yield f"No bridge runs, so what devices send waits at the broker. Start one: {START_ONE}"
        return
    abandoned = [slot for slot in vacant if slot.vacant_s > ADOPTION_S]
    if abandoned:
        yield _of_slots(alive, abandoned)
    if lead is not None and lead.heartbeat_age_s > ELECTION_S:
        yield (
            f"No bridge has led for {lead.heartbeat_age_s:.0f} s, so changes of BRIDGE_SLOTS wait. Does DATABASE_URL "
            "go through a pooler that gives each transaction another session? The leader's lock needs one of its own."
        )
    for bridge in alive:
        if not bridge.fit:
            yield f"The {_who(bridge)} does not reach the broker, or no buffer takes what it has; its log says which."
    dropped = max(alive, key=lambda bridge: bridge.dropped or 0)
    if dropped.dropped:
        yield (
            f"The broker has dropped {dropped.dropped:,} messages since the {_who(dropped)} was started, although "
            "devices were told that they arrived. It needs longer queues: manage.py broker_config"
        )


def _of_slots(alive: Sequence[BridgeState], abandoned: Sequence[VacantSlot]) -> str:
    numbers = ", ".join(slot.client_id if slot.retiring else str(slot.number) for slot in abandoned)
    what = f"Slot {numbers} has" if len(abandoned) == 1 else f"Slots {numbers} have"
    longest = max(slot.vacant_s for slot in abandoned)
    limits = [bridge.at_most for bridge in alive if bridge.at_most is not None]
    # A bridge without a limit takes whatever nobody has.
    why = f" The bridges that run may take {sum(limits)} at most (--slots)." * (len(limits) == len(alive))
    return (
        f"{what} had no bridge for {longest:.0f} s, and what the broker keeps there waits.{why} "
        f"Start another bridge: {START_ONE}"
    )


def _who(bridge: BridgeState) -> str:
    return f"bridge {bridge.name} on {bridge.host} (process {bridge.pid})"
