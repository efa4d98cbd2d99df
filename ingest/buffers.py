"""The members of the ring, for all who use or change them; docs/ring.md.

Refused   a change that would be a mistake; the message says what to do instead
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from urllib.parse import urlsplit

import redis
from django.conf import settings
from django.db import DatabaseError, InterfaceError, connection, transaction
from django.utils import timezone

from ingest.membership import ACTIVE, CHANNEL, DRAINING, addresses, bring_up_to_date, who_answers
from ingest.models import Buffer, WrittenOff
from ingest.ring import answers_early, connect, identify
from ingest.sealing import unseal

log = logging.getLogger(__name__)

SCHEMES = ("redis", "rediss", "unix")
LEAST_WEIGHT, MOST_WEIGHT = 1, 10
TAKEN_BACK = (ACTIVE, DRAINING)


class Refused(ValueError):
    """A change of the ring is refused; the message is a sentence for people, without a password."""


def members() -> list[Buffer]:
    """Return all buffers that are known, the formerly known ones as well, and the seeds that are not written down yet.

    One query; raises Django's database errors. What is not written down has no key.
    """
    rows = list(Buffer.objects.all())
    known = {row.url for row in rows}
    return rows + [Buffer(url=url) for url in settings.BUFFER_URLS if url not in known]


def ring_urls(states: Collection[str] = TAKEN_BACK) -> list[str]:
    """Return the addresses of the buffers to drain; BUFFER_URLS when the database does not say. One query."""
    if not settings.DATABASE_URL:
        return list(settings.BUFFER_URLS)
    try:
        return [row.url for row in members() if row.state in states and row.url]
    except (DatabaseError, InterfaceError) as error:
        log.warning("the database does not say which buffers belong to the ring; BUFFER_URLS are used: %s", error)
        return list(settings.BUFFER_URLS)


def tend() -> bool:
    """Ask every server who it is and write down who belongs to the ring; say whether that has changed.

    Blocks for some seconds when a server is away. Raises Django's database errors.
    """
    with connection.cursor() as cursor:
        urls = addresses(cursor, settings.BUFFER_URLS)
    found = who_answers(urls)
    with transaction.atomic(), connection.cursor() as cursor:
        return bring_up_to_date(cursor, settings.BUFFER_URLS, found)


def named(name: str) -> Buffer:
    """Return a buffer by its identity or by its number; raise Refused when there is none."""
    found = Buffer.objects.filter(identity=name).first()
    if found is None and name.isascii() and name.isdigit():
        found = Buffer.objects.filter(pk=int(name)).first()
    if found is None:
        raise Refused(f"No buffer {name!r} is known; `manage.py buffers list` names all.")
    return found


def add(url: str, weight: int = 1) -> Buffer:
    """Take a server into the ring, or back into it. Blocks for two time-outs. Raises Refused."""
    _check_weight(weight)
    _check_url(url)
    try:
        with connect(url) as client:
            policy = client.info("memory").get("maxmemory_policy", "noeviction")
            is_kept = client.info("persistence").get("aof_enabled", 1)
            is_early = answers_early(client)
            identity = identify(url)
    except (redis.RedisError, OSError) as error:
        raise Refused(f"The server does not answer ({type(error).__name__}): check address and password.") from error
    if policy != "noeviction":
        raise Refused(f"The server throws data away when it is full ({policy}): set maxmemory-policy to noeviction.")
    if not is_kept:
        raise Refused("The server forgets what it holds when it dies: set appendonly to yes.")
    if is_early:
        raise Refused("The server may forget what it answered last when it dies: set appendfsync to always.")
    with transaction.atomic():
        row = Buffer.objects.select_for_update().filter(identity=identity).first()
        if row is not None and row.state in TAKEN_BACK:
            raise Refused(f"This server is in the ring already, as {identity} ({row.state}).")
        if row is None:
            row = Buffer(identity=identity, origin=Buffer.Origin.ADDED)
            Buffer.objects.filter(identity=None, url=url).delete()
        row.url, row.weight = url, weight
        take_back(row)
    return row


def take_back(row: Buffer) -> None:
    """Have a buffer take batches (again). Call it in a transaction."""
    with connect(row.url) as client:
        unseal(client)
    WrittenOff.objects.filter(buffer=row.identity).delete()
    row.written_off_at = None
    row.state, row.since = ACTIVE, timezone.now()
    row.save()
    tell()


def drain(row: Buffer, *, force: bool = False) -> Buffer:
    """Have a buffer take no more batches and be drained. Raises Refused; with `force` not for the last active one."""
    with transaction.atomic():
        row = _locked(row)
        if row.state == DRAINING:
            return row
        if row.state != ACTIVE:
            raise Refused(f"The buffer {row} is {row.state}: there is nothing to drain.")
        others = Buffer.objects.filter(state=ACTIVE).exclude(pk=row.pk)
        if not others.exists() and not force:
            raise Refused(f"{row} is the only active buffer: without it nothing is acknowledged. First add another.")
        _become(row, DRAINING)
    return row


def resume(row: Buffer) -> Buffer:
    """Have a draining buffer take batches again. Raises Refused."""
    with transaction.atomic():
        row = _locked(row)
        if row.state not in TAKEN_BACK:
            raise Refused(f"The buffer {row} is {row.state}: add its server again to have it back.")
        try:
            take_back(row)
        except (redis.RedisError, OSError) as error:
            raise Refused(f"{row} does not answer ({type(error).__name__}): it is resumed when it does.") from error
    return row


def set_weight(row: Buffer, weight: int) -> Buffer:
    """Give a buffer another weight. Raises Refused."""
    _check_weight(weight)
    with transaction.atomic():
        row = _locked(row)
        if row.state not in TAKEN_BACK:
            raise Refused(f"The buffer {row} is {row.state}: it has no weight.")
        row.weight = weight
        row.save(update_fields=["weight"])
        tell()
    return row


def _become(row: Buffer, state: str) -> None:
    row.state, row.since = state, timezone.now()
    row.save(update_fields=["state", "since"])
    tell()


def tell() -> None:
    """Tell all who append that the ring has changed, as soon as the transaction is committed."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_notify(%s, '')", [CHANNEL])


def _locked(row: Buffer) -> Buffer:
    found = Buffer.objects.select_for_update().filter(pk=row.pk).first()
    if found is None:
        raise Refused("This buffer is not written down (any more): look at the ring again.")
    return found


def _check_weight(weight: int) -> None:
    if not LEAST_WEIGHT <= weight <= MOST_WEIGHT:
        raise Refused(f"A weight is from {LEAST_WEIGHT} to {MOST_WEIGHT}.")


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        scheme, named = parts.scheme, parts.hostname or (parts.scheme == "unix" and parts.path) or parts.port
    except ValueError as error:
        raise Refused("This is no address of a server.") from error
    if scheme not in SCHEMES or not named:
        raise Refused("An address is of the form redis://:password@host:6379/0 (or rediss://, or unix://).")
    if len(url) > 500:
        raise Refused("The address is longer than 500 characters.")
    if url == settings.REDIS_URL:
        raise Refused("This is the server of REDIS_URL, whose memory others need: a buffer is a server of its own.")
