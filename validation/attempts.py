"""What is known of an entry that was begun and not finished: how often it failed alone, and which of its messages did.

An entry may fail by an error, or by the death of the worker that judges it. So each try is noted on the entry's buffer
before it is begun (`Notes`); who finds a note of a try that nobody ended knows that it was deadly. The steps:

    whole, ALONE_TRIES times  →  halves of what failed, again and again  →  single messages, the guilty ones
    →  the whole without the guilty ones; should that fail as well, LAST_TRIES times, all of it is set aside

A half is only tried: nothing of it is kept. The books know an entry as a whole, so it is stored as a whole, in the end.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import msgspec
import redis
from redis.exceptions import OutOfMemoryError

from validation.streams import Entry

ATTEMPTS = "dataflow:attempts"  # a hash on a buffer: the name of an entry -> its Attempt
# An entry that comes here has failed once already, among others or not. Twice more, because a worker may also be ended
# by somebody who means no harm, such as a new version of the platform.
ALONE_TRIES = 2
LAST_TRIES = 2


class Step(StrEnum):
    """What is tried."""

    WHOLE = "whole"
    PART = "part"
    LAST = "last"


class Fault(NamedTuple):
    """Why a message was set aside."""

    code: str
    words: str


class Trying(NamedTuple):
    """A try under way: of the messages from `start` to before `end`, by a consumer."""

    step: Step
    start: int
    end: int
    by: str


NOT_JUDGED = "not_judged"
UNJUDGED = ("worker_died", NOT_JUDGED)  # the codes of what was set aside
DIED = Fault("worker_died", "Each worker that judged this message ended, or stood still until it was ended.")


class Attempt(msgspec.Struct):
    """How far it has come with one entry of some messages. Pure; `Notes` keeps it."""

    messages: int
    alone: int = 0
    last: int = 0
    parts: list[tuple[int, int]] = []
    guilty: dict[int, Fault] = {}
    trying: Trying | None = None

    def begin(self, by: str) -> Trying:
        """Return what is to be tried now, having noted that it is."""
        if self.alone < ALONE_TRIES:
            self.trying = Trying(Step.WHOLE, 0, self.messages, by)
        elif self.parts:
            self.trying = Trying(Step.PART, *self.parts[0], by)
        else:
            self.trying = Trying(Step.LAST, 0, self.messages, by)
        return self.trying

    def passed(self) -> None:
        """Note that what was tried is innocent."""
        if self.trying and self.trying.step is Step.PART:
            self.parts.pop(0)
        self.trying = None

    def failed(self, fault: Fault) -> None:
        """Note that what was tried failed, and what that says about its messages."""
        match self.trying:
            case Trying(step=Step.WHOLE, start=start, end=end):
                self.alone += 1
                if self.alone == ALONE_TRIES:
                    self._divide(start, end, fault)
            case Trying(step=Step.PART):
                self._divide(*self.parts.pop(0), fault)
            case Trying(step=Step.LAST):
                self.last += 1
                if self.last == LAST_TRIES:
                    self.guilty = {place: self.guilty.get(place, fault) for place in range(self.messages)}
        self.trying = None

    def _divide(self, start: int, end: int, fault: Fault) -> None:
        if end - start > 1:
            middle = (start + end) // 2
            self.parts[:0] = [(start, middle), (middle, end)]
        elif end > start:
            self.guilty[start] = fault


class Notes:
    """The attempts that are noted on one buffer. Raises redis.RedisError when it cannot be asked."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client

    def read(self, entries: Sequence[Entry]) -> list[Attempt | None]:
        """Return what is noted of some entries."""
        found: Any = self._client.hmget(ATTEMPTS, [entry.name for entry in entries])
        return [msgspec.msgpack.decode(note, type=Attempt) if note else None for note in found]

    def write(self, entry: Entry, attempt: Attempt) -> bool:
        """Note an attempt; say False when the buffer has no room for it, because it is full."""
        try:
            self._client.hset(ATTEMPTS, entry.name, msgspec.msgpack.encode(attempt))
        except OutOfMemoryError:
            return False
        return True

    def forget(self, entry: Entry) -> None:
        """Remove what is noted of an entry, which is done."""
        self._client.hdel(ATTEMPTS, entry.name)

    def tidy(self, stream: str) -> None:
        """Remove what is noted of entries that are no longer in the stream."""
        names: Any = self._client.hkeys(ATTEMPTS)
        for name in names:
            if not self._client.xrange(stream, name, name):
                self._client.hdel(ATTEMPTS, name)
