"""What one socket is still to be sent, and what a client may say."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from dashboard.live.frames import Frame, Snapshot
from dashboard.live.mailbox import MAX_BACKLOG, MAX_TEXTS, Mailbox
from dashboard.live.messages import TOO_MANY, TOO_SLOW, Entry, Subscription, Unreadable, parse

SNAPSHOT = Snapshot('{"type": "snapshot"}', None)


def frame(at: float = 0.0, *names: str) -> Frame:
    entries = [
        Entry(device_id=name, status="online", ts=at, received_at=at, expected_interval_s=1.0, values={"speed": at},
              points={"speed": [(at, at)]})
        for name in names
    ]  # fmt: skip
    return Frame(at, "van", entries)


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


async def test_nothing_goes_out_while_the_network_is_behind_and_the_newest_does_when_it_has_caught_up() -> None:
    backlog = 0
    mailbox = Mailbox(lambda: backlog)
    mailbox.begin(SNAPSHOT)
    await taken(mailbox)
    backlog = MAX_BACKLOG + 1
    for second in range(1, 21):
        mailbox.offer(frame(float(second), f"van_{second % 3}"), float(second))
        assert await taken(mailbox) == []
    assert mailbox.waits(20.0) == 19.0
    backlog = 0
    (late,) = await taken(mailbox)
    assert (late["seq"], late["at"]) == (1, 20.0)
    assert {entry["device_id"]: (entry["ts"], entry["points"]) for entry in late["devices"]} == {
        "van_0": (18.0, {}),
        "van_1": (19.0, {}),
        "van_2": (20.0, {"speed": [[20.0, 20.0]]}),
    }
    assert mailbox.waits(20.0) == 0.0
    # Only now that it has caught up does it learn that it missed something.
    mailbox.offer(frame(21.0), 21.0)
    assert [item["seq"] for item in await taken(mailbox)] == [3]


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
    ],
)
def test_what_is_not_understood_has_a_code(text: str, code: str) -> None:
    with pytest.raises(Unreadable) as caught:
        parse(text)
    assert caught.value.code == code
