"""Guessing the broker's window from the lulls."""

from __future__ import annotations

from ingest.bridge.window import LEAST, WindowGuess


def test_two_lulls_in_a_row_with_as_many_messages_are_a_full_window() -> None:
    window = WindowGuess()
    assert window.lull(100)
    assert not window.full(100)
    assert window.lull(100)
    assert window.full(100)
    assert not window.full(99)


def test_lulls_of_changing_size_are_no_window() -> None:
    window = WindowGuess()
    for outstanding in (100, 60, 100, 61):
        assert window.lull(outstanding)
        assert not window.full(outstanding)


def test_a_guess_is_dropped_when_more_than_that_comes() -> None:
    window = WindowGuess()
    for _ in range(2):
        window.lull(20)
    assert window.full(20)
    assert not window.full(21)
    assert not window.full(20)
    window.lull(20)
    assert window.size == 0, "it takes two lulls again"


def test_little_traffic_is_no_window_and_closes_no_batch() -> None:
    window = WindowGuess()
    for _ in range(5):
        assert not window.lull(LEAST - 1)
    assert not window.full(LEAST - 1)
