"""A publisher that goes on in the background, and knows what the broker has acknowledged."""

from __future__ import annotations

import threading
import time
from types import TracebackType

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from ingest.tests.bridges import Bench


class Stream:
    """Publishes a word with the numbers from 0 on, with QoS 1, so many a second, until the `with` block ends."""

    def __init__(self, bench: Bench, word: str, rate: float = 400) -> None:
        self._bench, self.word, self._rate = bench, word.encode(), rate
        self.acknowledged: set[bytes] = set()
        self._sent: dict[int, bytes] = {}
        self._over = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        self._client.max_inflight_messages_set(500)
        self._client.on_publish = self._published
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Stream:
        self._client.connect(self._bench.broker.host, self._bench.broker.port)
        self._client.loop_start()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
        deadline = time.monotonic() + 10
        while self._sent and time.monotonic() < deadline:
            time.sleep(0.02)
        self._client.disconnect()
        self._client.loop_stop()
        assert not self._sent, f"{len(self._sent)} messages are not acknowledged by the broker"

    def _run(self) -> None:
        number, began = 0, time.monotonic()
        while not self._over.wait(0.01):
            while number < (time.monotonic() - began) * self._rate:
                payload = b"%s %d" % (self.word, number)
                info = self._client.publish(f"{self._bench.name}/v/telemetry", payload, 1)
                self._sent[info.mid] = payload
                number += 1

    def _published(self, client: object, data: object, mid: int, reason: object, properties: object) -> None:
        while mid not in self._sent:  # the acknowledgement was quicker than the thread that publishes
            time.sleep(0)
        self.acknowledged.add(self._sent.pop(mid))
