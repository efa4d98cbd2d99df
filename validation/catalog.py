"""Which model speaks for a topic, remembered per topic so that a message costs one look-up."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from ingest.names import DEVICE_NAME
from ingest.topics import matches
from validation.schema import CompiledModel
from validation.spec import Reason

# What is remembered: hostile topics must not fill the memory, and one may have 65,535 bytes.
MAX_ROUTES, MAX_REMEMBERED_BYTES = 100_000, 256
IS_DEVICE = re.compile(DEVICE_NAME, re.ASCII)


@dataclass(frozen=True, slots=True)
class Route:
    """Where a topic leads: a model, and the device when the topic names it; or the reasons why nowhere."""

    model: CompiledModel | None
    device: str | None
    reasons: tuple[Reason, ...] = ()


class Catalog:
    """The published models of one moment; of two that match a topic the first one counts. Not for several threads."""

    def __init__(self, models: Iterable[CompiledModel] = ()) -> None:
        self.models = tuple(models)
        self._routes: dict[bytes, Route] = {}

    def route(self, topic: bytes) -> Route:
        """Return where a topic leads; mostly the same object for the same topic."""
        route = self._routes.get(topic)
        return self._remembered(topic) if route is None else route

    def _remembered(self, topic: bytes) -> Route:
        route = self._find(topic)
        if len(topic) <= MAX_REMEMBERED_BYTES:
            if len(self._routes) >= MAX_ROUTES:
                self._routes.clear()
            self._routes[topic] = route
        return route

    def _find(self, topic: bytes) -> Route:
        try:
            text = topic.decode()
        except UnicodeDecodeError as error:
            return _nowhere("topic_not_utf8", f"The topic is not UTF-8 from byte {error.start} on.")
        if not text or "\0" in text:
            return _nowhere("bad_topic", "The topic is empty or holds U+0000.")
        model = next((model for model in self.models if matches(model.spec.topic_filter, text)), None)
        if model is None:
            return _nowhere("unknown_topic", f"No published model is for the topic {text[:200]!r}.")
        if model.spec.device_source == "payload":
            return Route(model, None)
        device = model.device_of_topic(text)
        if not IS_DEVICE.fullmatch(device):
            detail = f"{device[:80]!r} in the topic cannot name a device: letters, digits and _ . : - only, 64 at most."
            return Route(model, None, (Reason("device_name", "", detail),))
        return Route(model, device)


def _nowhere(code: str, detail: str) -> Route:
    return Route(None, None, (Reason(code, "", detail),))
