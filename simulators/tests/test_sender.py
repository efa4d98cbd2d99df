"""Feeding connections from an outbox: order, windows, refusals. The connection is a list here."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulators.backoff import Backoff
from simulators.counts import Counts
from simulators.outbox import Outbox
from simulators.sender import WINDOW, Sender

REFUSAL = "Not authorized (0x87)"


class Line:
    """A connection that notes what is published on it."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []
        self.broken = False

    def publish(self, topic: str, payload: bytes) -> int | None:
        if self.broken:
            return None
        self.packets.append(payload)
        return len(self.packets)


class Desk:
    """An outbox with its sender."""

    def __init__(self, folder: Path, limit: int = 1000) -> None:
        self.outbox = Outbox(folder / "a.sqlite3", limit)
        self.counts = Counts()
        self.sender = Sender(self.outbox, self.counts, Backoff(first=0.0))
        self.line = Line()

    def put(self, first: int, last: int) -> None:
        for number in range(first, last + 1):
            self.counts.made += 1
            self.counts.dropped += self.outbox.put("t", [b"%d" % number])
        self.sender.pump()

    def connect(self, receive_maximum: int = 65_535) -> None:
        self.line = Line()
        self.sender.begin(self.line.publish, receive_maximum)

    def answer(self, number: int, refusal: str | None = None, unheard: bool = False) -> None:
        self.sender.answer(number, refusal, unheard)
        self.sender.pump()


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def sent(first: int, last: int) -> list[bytes]:
    return [b"%d" % number for number in range(first, last + 1)]


def test_rows_are_sent_in_order_a_window_ahead_of_their_acknowledgements(desk: Desk) -> None:
    desk.put(1, 30)
    assert desk.line.packets == []
    desk.connect()
    assert desk.line.packets == sent(1, WINDOW)
    desk.answer(1)
    assert desk.line.packets == sent(1, WINDOW + 1)
    assert (desk.counts.sent, desk.counts.acknowledged) == (WINDOW + 1, 1)


def test_a_broker_that_takes_three_at_a_time_gets_three(desk: Desk) -> None:
    desk.put(1, 10)
    desk.connect(receive_maximum=3)
    assert desk.line.packets == sent(1, 3)


def test_a_row_leaves_the_outbox_only_when_its_puback_says_success(desk: Desk) -> None:
    desk.put(1, 2)
    desk.connect()
    assert desk.outbox.waiting == 2
    desk.answer(1, REFUSAL)
    assert desk.outbox.waiting == 2
    desk.answer(2)
    assert desk.outbox.waiting == 1
    assert (desk.counts.refused, desk.counts.acknowledged) == (1, 1)


def test_after_a_lost_connection_everything_unanswered_is_sent_again_from_the_oldest(desk: Desk) -> None:
    desk.put(1, 6)
    desk.connect()
    desk.answer(1)
    desk.answer(3)
    desk.sender.interrupt()
    desk.put(7, 8)
    desk.connect()
    assert desk.line.packets == [b"2", b"4", b"5", b"6", b"7", b"8"]
    assert (desk.counts.sent, desk.counts.resent) == (8, 4)


def test_an_answer_that_belongs_to_nothing_changes_nothing(desk: Desk) -> None:
    desk.put(1, 1)
    desk.connect()
    desk.answer(99)
    desk.answer(1)
    desk.answer(1)
    assert desk.counts.acknowledged == 1


def test_a_connection_that_breaks_while_publishing_loses_nothing(desk: Desk) -> None:
    desk.connect()
    desk.line.broken = True
    desk.put(1, 3)
    desk.sender.interrupt()
    desk.connect()
    assert desk.line.packets == sent(1, 3)
    assert desk.counts.sent == 3


def test_a_refused_row_is_tried_again_alone_after_the_others_are_answered(desk: Desk) -> None:
    desk.put(1, 3)
    desk.connect()
    desk.answer(1, REFUSAL)
    desk.answer(2)
    assert desk.line.packets == sent(1, 3)
    desk.answer(3)
    assert desk.line.packets == [*sent(1, 3), b"1"]
    desk.put(4, 5)
    assert desk.line.packets[3:] == [b"1"], "nothing newer goes along"
    desk.answer(4)
    assert desk.line.packets[3:] == [b"1", b"4", b"5"]


def test_while_everything_is_refused_nothing_is_set_aside(desk: Desk) -> None:
    desk.put(1, 5)
    desk.connect()
    answer_in_turn(desk, 60, refused=sent(1, 5))
    assert (desk.counts.refused, desk.counts.set_aside, desk.outbox.waiting) == (60, 0, 5)
    answer_in_turn(desk, 20)
    assert desk.counts.acknowledged == 5


def test_a_row_that_alone_is_refused_is_set_aside_and_blocks_nobody(desk: Desk) -> None:
    desk.put(1, 30)
    desk.connect()
    answer_in_turn(desk, 100, refused=[b"2", b"17"])
    assert desk.outbox.waiting == 0
    assert (desk.counts.acknowledged, desk.counts.set_aside) == (28, 2)
    assert desk.line.packets.count(b"2") >= 5
    desk.put(31, 60)
    assert desk.line.packets[-WINDOW:] == sent(31, 30 + WINDOW), "the window is open again"


def test_rows_that_nobody_subscribes_to_stay_and_go_in_order_one_by_one_until_somebody_does(desk: Desk) -> None:
    desk.put(1, 3)
    desk.connect()
    for number in range(1, 4):
        desk.answer(number, unheard=True)
    for number in range(4, 24):
        assert desk.line.packets[3:] == [b"1"] * (number - 3)
        desk.answer(number, unheard=True)
    assert (desk.counts.set_aside, desk.counts.acknowledged, desk.outbox.waiting) == (0, 0, 3)
    desk.answer(24)
    assert desk.line.packets[-2:] == sent(2, 3), "the window is open again"


def test_a_suspect_that_was_dropped_meanwhile_is_forgotten(tmp_path: Path) -> None:
    desk = Desk(tmp_path, limit=5)
    desk.put(1, 1)
    desk.connect()
    desk.answer(1, REFUSAL)
    desk.sender.interrupt()
    desk.put(2, 9)
    desk.connect()
    assert desk.line.packets == sent(5, 9)


def test_a_rest_after_a_refusal_lasts_until_its_time_has_come(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.sender = Sender(desk.outbox, desk.counts, Backoff(first=3600.0, longest=3600.0))
    desk.put(1, 1)
    desk.connect()
    desk.answer(1, REFUSAL)
    desk.put(2, 5)
    assert desk.line.packets == [b"1"]


steps = st.one_of(
    st.tuples(st.just("put"), st.integers(1, 8)),
    st.tuples(st.just("accept"), st.integers(0, 30)),
    st.tuples(st.just("refuse"), st.integers(0, 30)),
    st.just(("lose", 0)),
    st.just(("connect", 0)),
)


@given(st.lists(steps, max_size=60))
@settings(max_examples=40, deadline=None)
def test_no_reading_is_lost_and_the_counts_balance_whatever_happens(actions: list[tuple[str, int]]) -> None:
    with TemporaryDirectory() as folder:
        desk, made, connected, open_packets = Desk(Path(folder), limit=12), 0, False, list[int]()
        reached: set[bytes] = set()
        for action, number in [*actions, ("connect", 0)]:
            if action == "put":
                desk.put(made + 1, made + number)
                made += number
            elif action == "lose" and connected:
                desk.sender.interrupt()
                connected = False
            elif action == "connect":
                desk.sender.interrupt()
                desk.connect()
                connected, open_packets = True, []
            elif action in ("accept", "refuse") and connected:
                open_packets = [n for n in range(1, len(desk.line.packets) + 1) if n not in closed(desk)]
                if open_packets:
                    packet = open_packets[number % len(open_packets)]
                    closed(desk).add(packet)
                    if action == "accept":
                        reached.add(desk.line.packets[packet - 1])
                    desk.answer(packet, None if action == "accept" else REFUSAL)
            balanced(desk)
        answer_in_turn(desk, 200)
        reached |= set(desk.line.packets)
        balanced(desk)
        assert desk.outbox.waiting == 0
        assert len(reached) >= made - desk.counts.dropped - desk.counts.set_aside
        desk.outbox.close()


def answer_in_turn(desk: Desk, count: int, refused: list[bytes] | None = None) -> None:
    """Answer up to `count` packets of the current line, in their order, as a broker does."""
    for _ in range(count):
        packet = next((n for n in range(1, len(desk.line.packets) + 1) if n not in closed(desk)), None)
        if packet is None:
            return
        closed(desk).add(packet)
        desk.answer(packet, REFUSAL if desk.line.packets[packet - 1] in (refused or ()) else None)


def closed(desk: Desk) -> set[int]:
    """The packets of the current line that have been answered."""
    answered: set[int] = desk.line.__dict__.setdefault("closed", set())
    return answered


def balanced(desk: Desk) -> None:
    counts = desk.counts
    assert counts.made == counts.acknowledged + counts.dropped + counts.set_aside + desk.outbox.waiting
    assert counts.sent >= counts.acknowledged
