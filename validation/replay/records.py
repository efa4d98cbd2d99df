"""Read records of quarantine to judge them again, and write back what was found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.db.models import F, Func, IntegerField, QuerySet

from ingest.envelope import VERSION, Batch
from validation import arrays
from validation.attempts import UNJUDGED
from validation.binding import server_side
from validation.ledger import Version
from validation.models import Quarantined
from validation.quarantine import Selection, select
from validation.quarantine.keeping import Finding, Origin, encoded

# Records of one step: enough to make its own cost vanish; and bytes of payload, which bound its memory.
AT_ONCE, BYTES_AT_ONCE = 1_000, 4 * 1024 * 1024
SOURCE = "replay"
# The topic of such a record was written readably, so its bytes are not known any more; no model can be for it.
UNREADABLE_TOPIC = frozenset({"topic_not_utf8", "bad_topic"})


def chosen(selection: Selection) -> QuerySet[Quarantined]:
    """Return what a replay of a selection judges again.

    What workers could not judge, or did not survive, they would not survive now. One has to ask for it, by its code or
    number.
    """
    found = select(selection)
    return found if selection.code or selection.ids else found.exclude(code__in=UNJUDGED)


class Record(NamedTuple):
    """A quarantined reading, as far as judging it again needs it."""

    id: int
    received: int  # microseconds since 1970
    topic: str
    payload: bytes
    model_id: int | None
    version: int | None
    code: str
    place: str
    buffer: str
    entry: str
    minute: int
    position: int

    @property
    def origin(self) -> Origin:
        """Return where it came in."""
        return Origin(self.buffer, self.entry, self.minute, self.position)

    @property
    def judged_by(self) -> Version:
        """Return which version of which model rejected it."""
        return self.model_id or 0, self.version or 0

    @property
    def is_array(self) -> bool:
        """Say whether it may be many readings."""
        return self.payload.lstrip().startswith(b"[")


class Group(NamedTuple):
    """Records that one stream entry brought and one version refused, or a single one that is an array."""

    records: list[Record]

    @property
    def first(self) -> Record:
        """Return one of them; what they have in common is the same in all."""
        return self.records[0]

    def batch(self) -> Batch:
        """Return them as one batch, with the times at which they were received."""
        payloads = [record.payload for record in self.records]
        if self.first.is_array and self.first.code == "type" and not self.first.place:
            # An array is never of the wrong type as a message. It was one of the readings in another array.
            payloads = [b"[%s]" % payloads[0]]
        received = [record.received / 1e6 for record in self.records]
        topics = [record.topic.encode() for record in self.records]
        return Batch(VERSION, SOURCE, self.first.minute, received, topics, payloads)


def grouped(found: Iterable[Record]) -> list[Group]:
    """Return records in groups, in their order; judging and moving cost by the group, not by the record."""
    groups: dict[tuple[object, ...], Group] = {}
    for record in found:
        array = record.id if record.is_array else 0
        key = record.buffer, record.entry, record.minute, record.model_id, record.version, array
        groups.setdefault(key, Group([])).records.append(record)
    return list(groups.values())


def read(selected: QuerySet[Quarantined], after: int, last: int) -> list[Record]:
    """Return the next records, by id, above `after` and up to `last`; at least one when there is one.

    Locks nothing.
    """
    size = Func(F("payload"), function="octet_length", output_field=IntegerField())
    ahead = selected.filter(pk__gt=after, pk__lte=last).order_by("pk").annotate(size=size)
    ids: list[int] = []
    total = 0
    for number, length in ahead.values_list("pk", "size")[:AT_ONCE]:
        total += length
        if ids and total > BYTES_AT_ONCE:
            break
        ids.append(number)
    with server_side() as cursor:
        cursor.execute(
            "SELECT id, (extract(epoch FROM received_at) * 1000000)::bigint, topic, payload, model_id, version, code, "
            "place, buffer, entry, minute, position FROM validation_quarantined WHERE id = ANY(%s) ORDER BY id",
            [arrays.encode(arrays.INT8, ids)],
            binary=True,
        )
        return [Record(*row) for row in cursor.fetchall()]


def lock(ids: Sequence[int]) -> set[int]:
    """Lock some records until the end of the transaction, and return those that are there and that nobody else has."""
    with server_side() as cursor:
        cursor.execute(
            "SELECT id FROM validation_quarantined WHERE id = ANY(%s) ORDER BY id FOR UPDATE SKIP LOCKED",
            [arrays.encode(arrays.INT8, ids)],
        )
        return {number for (number,) in cursor.fetchall()}


def delete(ids: Sequence[int]) -> None:
    """Take records out of quarantine. The caller writes down where their readings are now."""
    with server_side() as cursor:
        cursor.execute("DELETE FROM validation_quarantined WHERE id = ANY(%s)", [arrays.encode(arrays.INT8, ids)])


def update(findings: Iterable[tuple[int, Finding]]) -> None:
    """Write down what is wrong with records by now, where that is something else than before."""
    found = list(findings)
    if not found:
        return
    with server_side() as cursor:
        cursor.execute(
            "UPDATE validation_quarantined q SET model_id = f.model_id, version = f.version, device = f.device, "
            "reasons = f.reasons::jsonb, code = f.code, place = f.place FROM unnest(%s, %s, %s, %s, %s, %s, %s) "
            "AS f (id, model_id, version, device, reasons, code, place) WHERE q.id = f.id "
            "AND (q.model_id, q.version, q.device, q.reasons) IS DISTINCT FROM "
            "(f.model_id, f.version, f.device, f.reasons::jsonb)",
            [arrays.encode(arrays.INT8, [number for number, _ in found]), *encoded([finding for _, finding in found])],
        )
