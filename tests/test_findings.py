"""A device that goes mad is found within a minute by the running stack, and named in the summary."""

from __future__ import annotations

import random
import time

from tests.project import eventually
from tests.stack import RunningStack
from tests.visitor import Program

LEARNED_S, EVERY_S = 4_500, 2
FOUND_S = 60.0
RATE, MAD_AFTER_S = 5, 20.0


def test_a_device_that_was_learned_is_found_at_once_and_its_silence_when_it_is_due(api: Program) -> None:
    chance, now = random.Random(7), time.time()
    api.post(
        "/bridge/ingest?topic=sensors/mad/telemetry",
        [
            {"device_id": "mad", "timestamp": now - ago, "temperature": round(chance.gauss(21.0, 0.3), 2)}
            for ago in range(LEARNED_S, 0, -EVERY_S)
        ],
    )
    odd = {"device_id": "mad", "timestamp": time.time(), "temperature": 75.0}
    api.post("/bridge/ingest?topic=sensors/mad/telemetry", [odd])
    eventually(lambda: "75" in sentence_of(api, "mad", "spike"), "the spike is found", FOUND_S)
    assert sentence_of(api, "mad", "spike").startswith("Temperature 75")
    assert "mad: Temperature 75" in api.get("/ai/summary", model="sensor", device="mad")["summary"]
    eventually(lambda: sentence_of(api, "mad", "missing") != "", "its silence is found", 2 * FOUND_S)
    assert api.get("/api/v1/watch")["running"]


def test_simulated_devices_that_go_mad_are_found_within_a_minute_and_named_in_the_summary(
    stack: RunningStack, api: Program
) -> None:
    devices = {fault: f"{fault}_one" for fault in ("spike", "stuck")}
    running = [
        stack.spawn(
            *("simulate_devices", "--profile", "sensor", "--only", device, "--rate", str(RATE)),
            *("--fault", fault, "--fault-after", str(MAD_AFTER_S)),
        )
        for fault, device in devices.items()
    ]
    try:
        eventually(
            lambda: all(sentence_of(api, device, fault) for fault, device in devices.items()),
            "both are found",
            MAD_AFTER_S + FOUND_S,
        )
        for fault, device in devices.items():
            assert sentence_of(api, device, fault).startswith("Temperature")
            # Later readings may have made the same finding a longer one, which is told in other words.
            assert f"{device}: Temperature" in api.get("/ai/summary", model="sensor", device=device)["summary"]
    finally:
        for mad in running:
            mad.terminate()
        for mad in running:
            mad.wait(30)


def sentence_of(api: Program, device: str, kind: str) -> str:
    """Return what the newest finding of a kind says of a device, nothing where there is none."""
    try:
        found = api.get("/api/v1/findings", device=device, kind=kind)["results"]
    except OSError:  # nobody knows the device before its first reading is stored
        return ""
    return str(found[0]["sentence"]) if found else ""
