"""A device that goes mad is found within a minute by the running stack, and named in the summary."""

from __future__ import annotations

import random
import time

from tests.project import eventually
from tests.visitor import Program

LEARNED_S, EVERY_S = 4_500, 2
FOUND_S = 60


def test_a_device_that_goes_mad_is_found_within_a_minute_and_named_in_the_summary(api: Program) -> None:
    chance, now = random.Random(7), time.time()
    history = [
        {"device_id": "mad", "timestamp": now - ago, "temperature": round(chance.gauss(21.0, 0.3), 2)}
        for ago in range(LEARNED_S, 0, -EVERY_S)
    ]
    api.post("/bridge/ingest?topic=sensors/mad/telemetry", history)

    def learned() -> bool:
        done = api.get(
            "/api/v1/series", field="sensor.temperature", device="mad", bucket="raw", duration="2h", points=5000
        )
        return sum(point[1] is not None for one in done["series"] for point in one["points"]) == len(history)

    def is_stored() -> bool:
        try:
            return learned()
        except OSError:  # the model has no such device before its first reading is stored
            return False

    eventually(is_stored, "the history is stored", 60)
    before = api.get("/api/v1/findings", device="mad", since=str(time.time()))["results"]
    assert before == []
    began = time.monotonic()
    api.post(
        "/bridge/ingest?topic=sensors/mad/telemetry",
        [{"device_id": "mad", "timestamp": time.time(), "temperature": 75.0}],
    )

    def found() -> list[dict[str, object]]:
        rows: list[dict[str, object]] = api.get("/api/v1/findings", device="mad", kind="spike")["results"]
        return [row for row in rows if row["value"] == 75.0]

    eventually(lambda: bool(found()), "the spike is found", FOUND_S)
    print(f"found after {time.monotonic() - began:.1f} s")
    assert str(found()[0]["sentence"]).startswith("Temperature 75")
    summary = api.get("/ai/summary", model="sensor", device="mad")["summary"]
    assert "mad: Temperature 75" in summary

    # And then it says nothing more.
    eventually(
        lambda: bool(api.get("/api/v1/findings", device="mad", kind="missing", open="true")["results"]),
        "its silence is found", 2 * FOUND_S,
    )  # fmt: skip
    assert api.get("/api/v1/watch")["running"]
