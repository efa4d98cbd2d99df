"""Long work that workers take further turn by turn: replays and imports. Of each one turn is on its way at a time."""

from __future__ import annotations

import logging

import celery
import redis
from django.conf import settings
from kombu.exceptions import OperationalError as QueueError

log = logging.getLogger(__name__)

WAKE_TTL_S = 30  # a wake that got lost with its worker blocks the next one for no longer than this
TIMEOUT_S = 1.0  # for the queue to answer


class Turns:
    """The turns of one kind of work, called `word`, which a task named `task` takes with the work's number."""

    def __init__(self, task: str, word: str) -> None:
        self.task, self.word = task, word

    def key(self, number: int) -> str:
        """Return the key that stands for a worker on its way; the task deletes it when it starts."""
        return f"dataflow:{self.word}:{number}"

    def wake(self, number: int, rest_s: float = 0.0) -> None:
        """Have a worker take work further after a rest, unless one is on its way already.

        Blocks for the queue's time-outs. A queue that is away is only logged: the sweep finds what nobody takes
        further.
        """
        try:
            with redis.Redis.from_url(settings.REDIS_URL, socket_timeout=TIMEOUT_S) as queue:
                if queue.set(self.key(number), 1, nx=True, ex=WAKE_TTL_S):
                    celery.current_app.send_task(
                        self.task, args=[number], countdown=rest_s or None, retry=False, ignore_result=True
                    )
        except (redis.RedisError, QueueError) as error:
            log.warning("%s %d waits for the sweep, because the queue is away: %s", self.word, number, error)
