"""Slots leased in PostgreSQL: which bridge uses which session at the broker.

Every bridge comes by every few seconds (`attend`): it says that it lives, renews what it holds, gives up what is more
than its fair share, and takes what is free or has expired. All times are the database's; a bridge's own clock is only
ever used to measure how long ago it asked. Epochs grow with each taking, so that what belongs to an earlier holding is
recognised.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Cursor

from ingest.processes import ThisProcess, is_gone

CHANNEL = "ingest_slots"  # notified when a slot became free or a bridge joined, so that nobody has to wait for its turn
FORGET_S = 24 * 3600  # a dead bridge stays on view for so long

Row = tuple[Any, ...]

SIGN_OF_LIFE = """
INSERT INTO ingest_bridgeprocess
    (id, name, host, pid, machine, born, at_most, fit, dropped, since, seen_at, expires_at)
VALUES (%(id)s, %(name)s, %(host)s, %(pid)s, %(machine)s, %(born)s, %(at_most)s, %(fit)s, %(dropped)s,
        now(), now(), now() + %(lease_s)s * interval '1 s')
ON CONFLICT (id) DO UPDATE
SET seen_at = now(), expires_at = excluded.expires_at, fit = excluded.fit, dropped = excluded.dropped
RETURNING xmax = 0
"""
RELATIVES = """
SELECT id, pid, born FROM ingest_bridgeprocess
WHERE machine = %(machine)s AND machine <> '' AND id <> %(id)s AND expires_at > now()
"""
DECLARE_DEAD = """
WITH dead AS (UPDATE ingest_bridgeprocess SET expires_at = now() WHERE id = ANY(%(dead)s) RETURNING id)
UPDATE ingest_bridgeslot SET bridge_id = NULL, since = NULL, expires_at = now() FROM dead WHERE bridge_id = dead.id
"""
# `expires_at` of a slot that nobody holds says since when.
FREE = """
UPDATE ingest_bridgeslot SET bridge_id = NULL, since = NULL, expires_at = now()
WHERE bridge_id = %(id)s AND client_id = %(client_id)s AND epoch = %(epoch)s
"""
END = """
DELETE FROM ingest_bridgeslot
WHERE bridge_id = %(id)s AND client_id = %(client_id)s AND epoch = %(epoch)s AND retiring
"""
RENEW = """
UPDATE ingest_bridgeslot
SET expires_at = now() + %(lease_s)s * interval '1 s',
    connected_at = CASE WHEN client_id = ANY(%(connected)s) THEN now() ELSE connected_at END
WHERE bridge_id = %(id)s RETURNING client_id, number, epoch, retiring, connected_at
"""
LIVING = """
SELECT id, CASE WHEN fit OR NOT bool_or(fit) OVER () THEN at_most ELSE 0 END
FROM ingest_bridgeprocess WHERE expires_at > now() ORDER BY since, id
"""
COUNT = "SELECT count(*) FROM ingest_bridgeslot WHERE NOT retiring"
# SKIP LOCKED: two bridges that look at the same moment take different slots instead of waiting for each other.
TAKE = """
WITH free AS MATERIALIZED (
    SELECT client_id FROM ingest_bridgeslot
    WHERE retiring = %(retiring)s AND (bridge_id IS NULL OR (expires_at <= now() AND NOT %(patient)s))
    ORDER BY number, client_id LIMIT %(room)s::bigint FOR UPDATE SKIP LOCKED
)
UPDATE ingest_bridgeslot AS slot
SET bridge_id = %(id)s, epoch = slot.epoch + 1, since = now(), expires_at = now() + %(lease_s)s * interval '1 s'
FROM free WHERE slot.client_id = free.client_id
RETURNING slot.client_id, slot.number, slot.epoch, slot.retiring, slot.connected_at
"""
NEXT_EXPIRY = """
SELECT extract(epoch FROM min(expires_at) - now())::float8
FROM ingest_bridgeprocess WHERE id <> %(id)s AND expires_at > now()
"""
LEAVE = "DELETE FROM ingest_bridgeprocess WHERE id = %(id)s"
FREE_ALL = """
UPDATE ingest_bridgeslot SET bridge_id = NULL, since = NULL, expires_at = now() WHERE bridge_id = %(id)s
"""
WANT = """
INSERT INTO ingest_bridgeslot AS slot (client_id, number, epoch, retiring, expires_at)
SELECT client_id, number, 0, false, now()
FROM unnest(%(names)s::text[], %(numbers)s::int[]) AS wanted (client_id, number)
ON CONFLICT (client_id) DO UPDATE SET number = excluded.number, retiring = false
WHERE slot.retiring OR slot.number <> excluded.number
"""
RETIRE = "UPDATE ingest_bridgeslot SET retiring = true WHERE NOT retiring AND client_id <> ALL(%(names)s)"
FORGET = """
DELETE FROM ingest_bridgeprocess AS bridge
WHERE expires_at < now() - %(forget_s)s * interval '1 s'
  AND NOT EXISTS (SELECT 1 FROM ingest_bridgeslot WHERE bridge_id = bridge.id)
"""


class Lease(NamedTuple):
    """A slot that a bridge holds. `retiring`: to be emptied, ended at the broker and reported as ended."""

    client_id: str
    number: int
    epoch: int
    retiring: bool


class Returned(NamedTuple):
    """A slot that a bridge no longer uses: its connection is closed, and with `ended` its session is gone for good."""

    lease: Lease
    ended: bool = False


class Answer(NamedTuple):
    """What a bridge holds; which of it is above its share; how many slots there are, and bridges that live."""

    leases: list[Lease]
    surplus: list[Lease]
    slots: int
    living: int
    look_again_s: float | None  # when the next bridge will count as dead, unless it shows itself
    connected_at: Mapping[str, datetime | None]  # of what it holds: when a bridge was connected with it at last


def attend(
    cursor: Cursor[Row],
    me: ThisProcess,
    lease_s: float,
    at_most: int | None = None,
    fit: bool = True,
    returned: Sequence[Returned] = (),
    patient: bool = False,
    connected: Iterable[str] = (),
    dropped: int | None = None,
) -> Answer:
    """Show that a bridge lives, bring its leases up to date and return them. One transaction; raises psycopg.Error.

    `at_most` limits what it takes. A bridge that is not `fit`, because it cannot reach what it needs, gets nothing as
    long as another one is. A `patient` one leaves leases that have run out to those who had them. `connected` are the
    sessions that it is connected with now, and `dropped` is what it knows of messages that the broker has dropped.
    """
    values: dict[str, Any] = {"lease_s": lease_s, "at_most": at_most, "fit": fit, "patient": patient}
    values |= {"connected": list(connected), "dropped": dropped}
    values |= {"id": me.id, "name": me.name, "host": me.host, "pid": me.pid, "machine": me.machine, "born": me.born}
    joined = _one(cursor.execute(SIGN_OF_LIFE, values))
    for slot in returned:
        mark = {"id": me.id, "client_id": slot.lease.client_id, "epoch": slot.lease.epoch}
        cursor.execute(END if slot.ended else FREE, mark)
    _declare_dead(cursor, values)
    held = cursor.execute(RENEW, values).fetchall()
    slots, living = int(_one(cursor.execute(COUNT))), cursor.execute(LIVING).fetchall()
    share = fair_shares(slots, [limit for _, limit in living])[[name for name, _ in living].index(me.id)]
    working = [lease for *mark, _ in held if not (lease := Lease(*mark)).retiring]
    held += _take(cursor, values, retiring=False, room=share - len(working))
    # Whoever is there first empties and ends what is not wanted any more: it is done once and soon.
    held += _take(cursor, values, retiring=True, room=None) if fit else []
    if joined or returned:
        cursor.execute(f"NOTIFY {CHANNEL}")
    surplus = sorted(working, key=lambda lease: lease.number)[share:]
    leases, connected_at = [Lease(*mark) for *mark, _ in held], {client_id: at for client_id, *_, at in held}
    return Answer(leases, surplus, slots, len(living), _one(cursor.execute(NEXT_EXPIRY, values)), connected_at)


def leave(cursor: Cursor[Row], me: ThisProcess) -> None:
    """Free everything that a bridge holds and forget it. Only after its connections are closed."""
    cursor.execute(FREE_ALL, {"id": me.id})
    cursor.execute(LEAVE, {"id": me.id})
    cursor.execute(f"NOTIFY {CHANNEL}")


def arrange(cursor: Cursor[Row], wanted: Mapping[str, int]) -> bool:
    """Make the slots what is wanted, by client id and number; the others retire. Return whether that changed a thing.

    For the leader alone: two bridges with different settings would undo each other's work for ever.
    """
    values = {"names": list(wanted), "numbers": list(wanted.values())}
    changed = cursor.execute(WANT, values).rowcount + cursor.execute(RETIRE, values).rowcount > 0
    if changed:
        cursor.execute(f"NOTIFY {CHANNEL}")
    return changed


def forget(cursor: Cursor[Row], forget_s: float = FORGET_S) -> int:
    """Forget bridges that have been dead for long; return how many."""
    return cursor.execute(FORGET, {"forget_s": forget_s}).rowcount


def fair_shares(slots: int, limits: Iterable[int | None]) -> list[int]:
    """Deal slots out to bridges one by one, none above its limit; what nobody may take stays undealt.

    So all are within one of each other, and those that come first have the one more.
    """
    room = [slots if limit is None else limit for limit in limits]
    shares = [0] * len(room)
    for _ in range(min(slots, sum(room))):
        least = min((index for index in range(len(room)) if shares[index] < room[index]), key=lambda i: (shares[i], i))
        shares[least] += 1
    return shares


def _declare_dead(cursor: Cursor[Row], values: Mapping[str, Any]) -> None:
    """Free what bridges held that have died on this machine, instead of waiting until their leases have run out."""
    relatives = cursor.execute(RELATIVES, values).fetchall()
    dead = [name for name, pid, was_born in relatives if is_gone(pid, was_born)]
    if dead:
        cursor.execute(DECLARE_DEAD, {"dead": dead})


def _take(cursor: Cursor[Row], values: Mapping[str, Any], retiring: bool, room: int | None) -> list[Row]:
    if room is not None and room <= 0:
        return []
    return cursor.execute(TAKE, {**values, "retiring": retiring, "room": room}).fetchall()


def _one(cursor: Cursor[Row]) -> Any:
    row = cursor.fetchone()
    assert row is not None  # noqa: S101  (aggregates and RETURNING of an upsert always have one)
    return row[0]
