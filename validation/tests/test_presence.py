"""The rule for online, late and offline."""

import pytest

from validation.presence import expected_interval, status


@pytest.mark.parametrize(
    ("silence", "interval", "expected"),
    [
        (0, 1, "online"),
        (5, 1, "online"),
        (5.1, 1, "late"),
        (30, 1, "late"),
        (30.1, 1, "offline"),
        (30, 10, "online"),
        (30.1, 10, "late"),
        (100, 10, "late"),
        (100.1, 10, "offline"),
        (-5, 1, "online"),
    ],
)
def test_the_status_follows_from_the_silence_and_the_interval(silence: float, interval: float, expected: str) -> None:
    assert status(1_000.0, interval, 1_000.0 + silence) == expected


def test_a_device_that_was_never_seen_is_offline() -> None:
    assert status(None, 10, 0) == "offline"


def test_what_a_person_set_goes_before_what_was_learned_and_that_before_ten_seconds() -> None:
    assert expected_interval(2.0, 5.0) == 2.0
    assert expected_interval(None, 5.0) == 5.0
    assert expected_interval(None, None) == 10.0
