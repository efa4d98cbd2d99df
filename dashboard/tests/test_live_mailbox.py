"""What one socket is still to be sent, and what a client may say."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from dashboard.live.frames import Frame, Snapshot
from dashboard.live.mailbox import ACK_WINDOW, MAX_TEXTS, Mailbox
from dashboard.live.messages import TOO_MANY, TOO_SLOW, Ack, Subscription, Unreadable, parse

SNAPSHOT = Snapshot('{"type": "snapshot"}', None)


def frame(at: float = 0.0) -> Frame:
    return Frame(at, "van", [])


async def taken(mailbox: Mailbox) -> list[Any]:
    """Return everything the mailbox hands out now."""
    items: list[Any] = []
    while True:
        try:
            item = await asyncio.wait_for(mailbox.next(), 0.01)
        except TimeoutError:
            return items
        items.append(json.loads(item) if isinstance(item, str) else item)
        if isinstance(item, int):
            return items


async def test_frames_are_numbered_by_one_and_anew_for_each_subscription() -> None:
    mailbox = Mailbox()
    mailbox.begin(SNAPSHOT)
    numbers = []
    for _ in range(3):
        mailbox.offer(frame(), 0.0)
        numbers += [item.get("seq") for item in await taken(mailbox)]
    assert numbers == [None, 1, 2, 3]
    mailbox.offer(frame(), 0.0)
    mailbox.begin(SNAPSHOT)
    assert await taken(mailbox) == [{"type": "snapshot"}]
    mailbox.offer(frame(5.0), 0.0)
    assert [(item["seq"], item["at"]) for item in await taken(mailbox)] == [(1, 5.0)]


async def test_frames_that_are_not_taken_do_not_pile_up() -> None:
    mailbox = Mailbox()
    for second in range(1000):
        mailbox.offer(frame(float(second)), float(second))
    assert [(item["seq"], item["at"]) for item in await taken(mailbox)] == [(1, 999.0)]


async def test_a_client_that_acknowledges_is_never_far_behind() -> None:
    mailbox = Mailbox()
    mailbox.acknowledge(0)
    sent = []
    for second in range(20):
        mailbox.offer(frame(float(second)), float(second))
        sent += [item["seq"] for item in await taken(mailbox)]
    assert sent == list(range(1, ACK_WINDOW + 1))
    assert mailbox.waits(20.0) == 20.0 - ACK_WINDOW
    mailbox.acknowledge(2)
    assert [(item["seq"], item["at"]) for item in await taken(mailbox)] == [(ACK_WINDOW + 1, 19.0)]
    assert mailbox.waits(20.0) == 0.0


async def test_an_acknowledgement_of_what_was_never_sent_opens_no_window() -> None:
    mailbox = Mailbox()
    mailbox.acknowledge(10**9)
    for second in range(20):
        mailbox.offer(frame(), float(second))
        await taken(mailbox)
    mailbox.offer(frame(), 20.0)
    assert await taken(mailbox) == []


async def test_a_gap_leaves_out_one_number_however_often_it_is_asked_for() -> None:
    mailbox = Mailbox()
    seqs = []
    for gaps in (0, 3, 0):
        for _ in range(gaps):
            mailbox.leave_a_gap()
        mailbox.offer(frame(), 0.0)
        seqs += [item["seq"] for item in await taken(mailbox)]
    assert seqs == [1, 3, 4]


async def test_a_client_that_asks_and_never_reads_is_closed() -> None:
    mailbox = Mailbox()
    for _ in range(MAX_TEXTS + 1):
        mailbox.put("{}")
    assert await taken(mailbox) == [TOO_MANY]


async def test_closing_goes_before_everything_and_the_first_reason_counts() -> None:
    mailbox = Mailbox()
    mailbox.put("{}")
    mailbox.offer(frame(), 0.0)
    mailbox.close(TOO_SLOW)
    mailbox.close(TOO_MANY)
    assert await taken(mailbox) == [TOO_SLOW]


def test_a_subscription_is_read() -> None:
    assert parse('{"type": "subscribe", "model": "van", "devices": "*", "fields": "*"}') == Subscription("van")
    assert parse('{"type": "subscribe", "model": "van"}') == Subscription("van")
    assert parse('{"type": "subscribe", "model": "van", "devices": ["a", "a"], "fields": []}') == Subscription(
        "van", frozenset({"a"}), frozenset()
    )
    assert parse('{"type": "ack", "seq": 5}') == Ack(5)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "bad_json"),
        ("{", "bad_json"),
        ('{"type": NaN}', "bad_json"),
        ("[" * 5000, "bad_json"),
        ("5", "unknown_type"),
        ("[]", "unknown_type"),
        ("{}", "unknown_type"),
        ('{"type": ["subscribe"]}', "unknown_type"),
        ('{"type": "subscribe"}', "bad_model"),
        ('{"type": "subscribe", "model": ""}', "bad_model"),
        ('{"type": "subscribe", "model": {"a": 1}}', "bad_model"),
        ('{"type": "subscribe", "model": "v", "devices": "a"}', "bad_devices"),
        ('{"type": "subscribe", "model": "v", "devices": [1]}', "bad_devices"),
        ('{"type": "subscribe", "model": "v", "devices": null}', "bad_devices"),
        ('{"type": "subscribe", "model": "v", "fields": {"speed": 1}}', "bad_fields"),
        ('{"type": "subscribe", "model": "v", "fields": ["' + "x" * 65 + '"]}', "bad_fields"),
        ('{"type": "subscribe", "model": "v", "devices": ' + json.dumps(["a"] * 1001) + "}", "too_many_devices"),
        ('{"type": "ack"}', "bad_seq"),
        ('{"type": "ack", "seq": -1}', "bad_seq"),
        ('{"type": "ack", "seq": 1.5}', "bad_seq"),
        ('{"type": "ack", "seq": true}', "bad_seq"),
    ],
)
def test_what_is_not_understood_has_a_code(text: str, code: str) -> None:
    with pytest.raises(Unreadable) as caught:
        parse(text)
    assert caught.value.code == code
