"""What a buffer has answered is there after its death, however busy its disk is."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable

import pytest

from ingest import buffers
from ingest.buffers import Refused
from ingest.envelope import Minutes, batch_of
from ingest.ring import Ring
from ingest.tests.servers import Valkey, received_by

LARGE = 1_000_000  # bytes, which keep the disk busy


def test_what_was_answered_is_there_after_a_kill_in_the_middle_of_large_writes(
    start_valkey: Callable[[], Valkey],
) -> None:
    server, minutes, answered = start_valkey(), Minutes(), 0
    ring, payload, ends = Ring([server.url]), os.urandom(LARGE), time.monotonic() + 1.3
    while time.monotonic() < ends:
        ring.append(batch_of("test", minutes, [b"t"], [payload]))
        answered += 1
    server.kill()
    server.start()
    assert received_by(server.url) == answered > 10


@pytest.mark.django_db(transaction=True)
def test_a_server_that_answers_before_it_writes_is_refused_and_named(
    start_valkey: Callable[[], Valkey], caplog: pytest.LogCaptureFixture
) -> None:
    server = start_valkey()
    with caplog.at_level(logging.WARNING):
        Ring([server.url]).check()
    assert caplog.text == ""
    server.client().config_set("appendfsync", "everysec")
    with pytest.raises(Refused, match="set appendfsync to always"):
        buffers.add(server.url)
    with caplog.at_level(logging.WARNING):
        Ring([server.url]).check()
    assert f"127.0.0.1:{server.port}" in caplog.text
    assert "set appendfsync to always" in caplog.text
