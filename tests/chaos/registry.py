"""The faults, by name. A fault is a function that does something to a scene and undoes it before it returns."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.chaos.scene import Scene

FIRST_ROW_S, DRAINED_S = 30.0, 60.0


@dataclass(frozen=True, slots=True)
class Fault:
    """What is done, and what has to hold besides the oracles."""

    id: str
    title: str
    act: Callable[[Scene], None]
    shown: bool = False  # whether `/readyz` has to say that something is wrong while it lasts
    first_row_s: float = FIRST_ROW_S  # after the fault is over, until a reading that was made then is stored
    drained_s: float = DRAINED_S  # until nothing is on its way any more
    spoils: bool = False  # whether the books are wrong afterwards, as they should be, and a new stack is needed
    needs: int = 1  # bridges
    refuses: bool = False  # whether readings of the devices may end in quarantine
    plain: bool = False  # whether sessions must not share: Mosquitto 2.0 forgets shared subscriptions when it restarts


_faults: dict[str, Fault] = {}


def fault(
    id: str,
    title: str,
    *,
    shown: bool = False,
    first_row_s: float = FIRST_ROW_S,
    drained_s: float = DRAINED_S,
    spoils: bool = False,
    needs: int = 1,
    refuses: bool = False,
    plain: bool = False,
) -> Callable[[Callable[[Scene], None]], Callable[[Scene], None]]:
    """Register a function as a fault."""

    def register(act: Callable[[Scene], None]) -> Callable[[Scene], None]:
        assert id not in _faults, id
        _faults[id] = Fault(id, title, act, shown, first_row_s, drained_s, spoils, needs, refuses, plain)
        return act

    return register


def all_faults() -> list[Fault]:
    """Return every fault, in the order of their numbers."""
    return sorted(_faults.values(), key=lambda fault: _order(fault.id))


def chosen(names: Iterable[str]) -> list[Fault]:
    """Return the faults of some names; `F17` stands for all that begin with `F17-` as well. Raises KeyError."""
    found: dict[str, Fault] = {}
    for name in names:
        mine = [one for one in all_faults() if one.id == name or one.id.startswith(f"{name}-")]
        if not mine:
            raise KeyError(name)
        found.update((one.id, one) for one in mine)
    return list(found.values())


def _order(id: str) -> tuple[int, str]:
    number, _, rest = id.removeprefix("F").partition("-")
    return int(number), rest
