"""What a bridge counts about itself, from its start on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Counters:
    """Hold one number per thing worth knowing; each only grows."""

    received: int = 0  # messages of telemetry taken from the broker
    unpromised: int = 0  # of these, the ones of QoS 0, which nobody sends again
    platform: int = 0  # messages on platform topics, acknowledged and passed over
    appended: int = 0  # messages of telemetry that are in a buffer
    batches: int = 0  # entries appended to buffers
    acked: int = 0  # acknowledgements sent
    stale: int = 0  # acknowledgements not sent because their connection was gone; the broker sends these again
    refused: int = 0  # attempts to append at which no buffer was available
    failed: int = 0  # messages given up because of an error in the bridge; the broker sends those of QoS 1 again
    connections: int = 0  # connections that a broker accepted
    watchdog: int = 0  # connections dropped because a message stayed unacknowledged
