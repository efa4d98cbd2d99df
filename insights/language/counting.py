"""Count the calls of the language model: how many a user has left today, and the figures for /metrics.

Both live in the cache (Redis). When it is emptied the day begins anew, and the figures at nought, as after a restart.
"""

from __future__ import annotations

from datetime import datetime

from django.core.cache import cache

CALLS_A_DAY = 300  # of one user, who may ask some hundred questions with them
ONE_AT_A_TIME_S = 90  # for so long a user's question keeps the next one out, were its process to die
KEPT_S = 2 * 86_400
# What became of a call, and of an answer: the labels of the figures, of which there are no others.
CALLS = ("answered", "failed")
ANSWERS = ("shown", "unchecked", "gave_up", "failed", "limited")


def take(user: int, now: datetime) -> bool:
    """Take one of the calls that a user has today; False when there is none left."""
    key = f"llm:day:{now:%Y-%m-%d}:{user}"
    cache.add(key, 0, KEPT_S)
    return bool(cache.incr(key) <= CALLS_A_DAY)


def begin(user: int) -> bool:
    """Begin the one question that a user may have with the model at a time; False when another one is under way."""
    return bool(cache.add(f"llm:busy:{user}", 1, ONE_AT_A_TIME_S))


def end(user: int) -> None:
    """Let the user ask the next one."""
    cache.delete(f"llm:busy:{user}")


def count_call(outcome: str, seconds: float, tokens: int) -> None:
    """Count one call of the server; `outcome` is one of CALLS."""
    for name, more in ((f"calls:{outcome}", 1), ("milliseconds", round(1_000 * seconds)), ("tokens", max(0, tokens))):
        _add(name, more)


def count_answer(outcome: str) -> None:
    """Count what became of an answer; `outcome` is one of ANSWERS."""
    _add(f"answers:{outcome}", 1)


def figures() -> dict[str, int]:
    """Return all figures by name: `calls:…`, `answers:…`, `milliseconds`, `tokens`."""
    names = [*(f"calls:{one}" for one in CALLS), *(f"answers:{one}" for one in ANSWERS), "milliseconds", "tokens"]
    found = cache.get_many([f"llm:{name}" for name in names])
    return {name: int(found.get(f"llm:{name}", 0)) for name in names}


def _add(name: str, more: int) -> None:
    cache.add(f"llm:{name}", 0, None)
    cache.incr(f"llm:{name}", more)
