"""The one way to call a tool: permission, arguments, a transaction that cannot write, a bound on what comes back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol

import msgspec

from insights.access import VIEW_READINGS
from insights.facts.gathering import reading_only
from insights.tools.noticed import NOTICED
from insights.tools.plain import MOST_BYTES, encoded
from insights.tools.stored import STORED
from insights.tools.tool import Refused, Result, Tool
from validation.history import Unanswerable
from validation.selectors import TooManyReadings, TooSlow

TOOLS: Mapping[str, Tool] = {tool.name: tool for tool in (*STORED, *NOTICED)}


class Asker(Protocol):
    """Whoever asks: a user of Django, of whom nothing but the permissions matters."""

    @property
    def is_active(self) -> bool:
        """Tell whether the user may sign in."""
        ...

    def has_perms(self, perm_list: Iterable[str]) -> bool:
        """Tell whether the user has all of some permissions."""
        ...


def call(user: Asker, name: str, given: Any, now: datetime) -> Result:
    """Run a tool for a user. `given` are its arguments as JSON has them.

    Blocks for the database, each statement for READ_TIMEOUT_MS at most. Raises Refused, and what the database raises
    when it is away.
    """
    tool = TOOLS.get(name)
    if tool is None:
        raise Refused("unknown_tool", f"There is no such tool. There are: {', '.join(TOOLS)}.")
    if not (user.is_active and user.has_perms(VIEW_READINGS)):
        raise Refused("permission_denied", f"This needs the permissions {' and '.join(VIEW_READINGS)}.")
    try:
        asked = msgspec.convert({} if given is None else given, tool.takes)
        with reading_only():
            result = tool.run(asked, now)
    except msgspec.ValidationError as error:
        raise Refused("arguments", f"{error}.") from error
    except Unanswerable as error:
        raise Refused(error.code, f"{error.attr}: {error}") from error
    except TooSlow as error:
        raise Refused("too_slow", f"That took longer than {error} and was stopped: ask for less.") from error
    except TooManyReadings as error:
        raise Refused("too_many_readings", f"That are more than {error} readings: ask for less.") from error
    if len(encoded(result.told())) > MOST_BYTES:
        raise Refused("too_much", "That is more than one answer holds: ask for less time, fewer points or one device.")
    return result
