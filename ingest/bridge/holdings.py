"""The slots of a bridge, opened and closed as its tenure says."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from ingest.bridge.slot import Slot
from ingest.bridge.tenure import Holding, Tenure
from ingest.slots import Lease

log = logging.getLogger(__name__)

GOODBYE_S = 1.0  # for the last acknowledgements of a slot to reach the broker when it is given back
HANDOVER_S = 3.0  # for the messages of a slot to get into a buffer before it is given back without them


class Holdings:
    """Keep a slot open for each lease. Belongs to the bridge's thread."""

    def __init__(self, tenure: Tenure, open_slot: Callable[[Lease], Slot], bring_in: Callable[[], None]) -> None:
        """`bring_in` puts everything that was taken into a buffer, if one takes it, and acknowledges it."""
        self.slots: list[Slot] = []
        self._tenure, self._open_slot, self._bring_in = tenure, open_slot, bring_in

    def follow(self, now: float) -> None:
        """Open, give back and drop slots as the tenure says. Blocks for a goodbye at most."""
        held = {holding.lease: holding for holding in self._tenure.look()}
        gone = [slot for slot in self.slots if slot.lease not in held]
        if gone:
            self._bring_in()
        for slot in gone:
            if self._tenure.holds(slot.lease):  # as another kind: it is to retire, or no longer
                self.close(slot)
            else:
                log.warning("%s: let go", slot.client_id)
                slot.dismiss("its slot is somebody else's now")
        self.slots = [slot for slot in self.slots if slot.lease in held]
        opened = {slot.lease for slot in self.slots}
        for holding in held.values():
            if not holding.surplus and holding.lease not in opened:
                self.slots.append(self._open_slot(holding.lease))
        self._give_back(now, held)

    def _give_back(self, now: float, held: dict[Lease, Holding]) -> None:
        for lease in [lease for lease, holding in held.items() if holding.surplus and not self._is_open(lease)]:
            self._tenure.give_back(lease)
        leaving = [slot for slot in self.slots if slot.over or held[slot.lease].surplus]
        for slot in self.slots:
            # One that was to be given back may be needed again, because another bridge has died meanwhile.
            slot.leaving_since = (slot.leaving_since or now) if slot in leaving else None
        if not leaving:
            return
        self._bring_in()
        for slot in leaving:
            if slot.client.oldest_owed() is None or now - (slot.leaving_since or now) > HANDOVER_S:
                self.close(slot)
                self.slots.remove(slot)
                self._tenure.give_back(slot.lease, ended=slot.over)

    def close_all(self) -> None:
        """End all connections in order. A broker that hangs delays it by some seconds, however many there are."""
        deadline = time.monotonic() + 2 * GOODBYE_S
        for slot in self.slots:
            self.close(slot, min(GOODBYE_S, max(0.1, deadline - time.monotonic())))

    def close(self, slot: Slot, timeout_s: float = GOODBYE_S) -> None:
        """End a slot's connection in order; the broker keeps the session, unless the slot is over."""
        if not self._tenure.holds(slot.lease):
            slot.dismiss("its slot may be somebody else's by now")
            return
        try:
            slot.client.say_goodbye(timeout_s, end_session=slot.over)
        except OSError as error:
            log.warning("%s: the broker may send some messages again: %s", slot.client_id, error)
        slot.dismiss("given back")

    def _is_open(self, lease: Lease) -> bool:
        return any(slot.lease == lease for slot in self.slots)
