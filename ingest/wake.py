"""Wake whoever drains a buffer, at most once per buffer until that one has started.

The task is named by the setting DRAIN_TASK, so this room need not know who does the work. A lost wake is harmless: a
sweep looks into every buffer every few seconds.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import celery
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

log = logging.getLogger(__name__)

WAKE_TTL_S = 5  # a wake that got lost with its worker blocks the next one for no longer than this
TIMEOUT_S = 1.0  # for Redis to answer; the caller never waits for it
RETRY_S = 1.0  # pause after a failure
# Pause between two rounds. The buffers of a busy bridge are named again and again; a task takes longer to start.
COALESCE_S = 0.005


def wake_key(buffer: str) -> str:
    """Return the key that stands for a wake on its way to a buffer; the drain task deletes it when it starts."""
    return f"dataflow:wake:{buffer}"


def send_drain_task(task: str, buffer: str) -> None:
    """Queue the task that drains a buffer. Blocks for the queue's time-outs; raises what Celery raises."""
    celery.current_app.send_task(task, args=[buffer], retry=False, ignore_result=True)


class Waker:
    """Send wakes from a thread of its own, so that the caller never waits and never sees a failure.

    A failure is logged once when it begins and once when it ends; in between the wakes are tried again every second.
    """

    def __init__(self, redis_url: str, task: str, send: Callable[[str, str], None] = send_drain_task) -> None:
        self._redis = redis.Redis.from_url(
            redis_url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S, retry=Retry(NoBackoff(), 0)
        )
        self._task, self._send = task, send
        self._buffers: set[str] = set()
        self._changed = threading.Event()
        self._stopping = threading.Event()
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="waker", daemon=True)

    def start(self) -> None:
        """Start the thread. It ends with the process."""
        self._thread.start()

    def wake(self, buffer: str) -> None:
        """Ask for the task that drains a buffer, given by its identity. Returns at once; any thread may call it."""
        self._buffers.add(buffer)
        self._changed.set()

    def stop(self, timeout_s: float = 2.0) -> None:
        """Send what is outstanding and end the thread; give up after `timeout_s`."""
        self._stopping.set()
        self._changed.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._changed.wait()
            self._changed.clear()
            pause = COALESCE_S if self.round() else RETRY_S
            self._stopping.wait(pause)
        self.round()

    def round(self) -> bool:
        """Send a wake for each buffer that was named; return False when one has to be tried again."""
        while self._buffers:
            buffer = self._buffers.pop()
            try:
                self._wake(buffer)
            except Exception as error:  # noqa: BLE001  (whatever went wrong, the sweep makes up for it)
                self._buffers.add(buffer)
                self._changed.set()
                if not self._failing:
                    log.warning("cannot wake the workers, they will find the data by themselves: %r", error)
                self._failing = True
                return False
        if self._failing:
            log.warning("workers can be woken again")
            self._failing = False
        return True

    def _wake(self, buffer: str) -> None:
        key = wake_key(buffer)
        if not self._redis.set(key, 1, nx=True, ex=WAKE_TTL_S):
            return
        try:
            self._send(self._task, buffer)
        except Exception:
            # Nobody is coming, so the key would only hold up the next wake.
            self._redis.delete(key)
            raise
