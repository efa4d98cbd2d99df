"""The detector finds what is odd, and little else."""

from __future__ import annotations

import pytest

from insights.detection.detector import Detector
from insights.detection.events import events
from insights.detection.verdict import Kind
from insights.tests.series import DAY_READINGS, FIVE_MINUTES, START, days, drive, fed, noise


def test_a_spike_is_found_at_once_with_the_band_it_left() -> None:
    values = noise(1500)
    values[1400] = 40.0
    found = [verdict for verdict in fed(Detector(), values) if verdict.value == 40.0]
    assert [(verdict.kind, verdict.at) for verdict in found] == [(Kind.SPIKE, START + 1400 * FIVE_MINUTES)]
    assert 16.0 < found[0].low < 20.0 < found[0].high < 24.0


def test_the_same_series_without_the_spike_has_hardly_a_finding() -> None:
    assert len(events(fed(Detector(), noise(4000)), FIVE_MINUTES)) <= 2


def test_a_new_level_is_found_and_then_taken_for_normal() -> None:
    values = noise(1500) + noise(1500, level=32.0)
    found = fed(Detector(), values)
    shift = START + 1500 * FIVE_MINUTES
    assert any(0.0 <= verdict.at - shift <= 3600.0 for verdict in found)
    assert not [verdict for verdict in found if verdict.at > shift + 86400.0]


def test_a_change_of_spread_is_found_although_every_value_was_seen_before() -> None:
    quiet = [value for place in range(150) for value in (20.0 + place % 10, 20.1 + place % 10) for _ in range(10)]
    wild = [20.0, 29.0] * 20
    found = fed(Detector(), [*quiet, *wild])
    assert Kind.SPREAD in {verdict.kind for verdict in found if verdict.at >= START + 3000 * FIVE_MINUTES}


def test_a_working_day_on_which_nobody_works_is_found_by_its_hour() -> None:
    values = days(12)
    for place in range(10 * DAY_READINGS, 11 * DAY_READINGS):
        values[place] = 20.0 + (values[place] % 1.0)
    found = [verdict for verdict in fed(Detector(), values) if verdict.at >= START + 10 * 86400.0]
    assert found
    assert found[0].kind is Kind.RHYTHM
    assert 9.0 * 3600.0 <= found[0].at - START - 10 * 86400.0 <= 10.5 * 3600.0
    assert found[0].hourly


def test_a_wednesday_that_is_like_a_sunday_is_found() -> None:
    # Hourly, so that five weeks are 840 readings; START is a Saturday.
    scatter = noise(840, 0.0, 1.0)
    busy = [place // 24 % 7 >= 2 and 9 <= place % 24 < 18 for place in range(840)]
    values = [20.0 + (60.0 if at_work else 0.0) + off for at_work, off in zip(busy, scatter, strict=True)]
    wednesday = range(28 * 24 + 4 * 24, 28 * 24 + 5 * 24)
    assert [verdict for verdict in fed(Detector(), values, every=3600.0) if verdict.kind is Kind.RHYTHM] == []
    for place in wednesday:
        values[place] = 20.0 + scatter[place]
    found = fed(Detector(), values, every=3600.0)
    assert Kind.RHYTHM in {verdict.kind for verdict in found if int((verdict.at - START) // 3600) in wednesday}


def test_a_constant_that_changes_is_found_and_one_that_does_not_is_left_alone() -> None:
    assert fed(Detector(), [45.0] * 2000) == []
    assert fed(Detector(), [45.0] * 1500 + [46.0]) != []


def test_a_vehicle_that_drives_has_no_findings_and_its_faults_are_found_within_a_minute() -> None:
    detector, values = Detector(), drive(4000)
    assert fed(detector, values, every=1.0) == []
    state, start = detector.dumps(), START + 4000.0
    stuck = fed(Detector.loads(state), [47.31] * 60, every=1.0, start=start)
    assert stuck[0].kind is Kind.STUCK
    wild = fed(Detector.loads(state), [240.0], every=1.0, start=start)
    assert [verdict.kind for verdict in wild] == [Kind.SPIKE]
    creeping = [values[-1] + 3.0 * second for second in range(60)]
    assert fed(Detector.loads(state), creeping, every=1.0, start=start) != []


def test_a_counter_that_rises_and_an_angle_that_turns_over_are_no_findings() -> None:
    assert fed(Detector(), [90_000.0 + place * 0.01 for place in range(5000)], every=1.0) == []
    assert fed(Detector(), [(place * 1.5) % 360.0 for place in range(5000)], every=1.0) == []


def test_in_the_first_minutes_of_a_vehicle_only_what_is_unmistakable_is_found() -> None:
    for seed in range(5):
        values = drive(3_600, seed)
        assert fed(Detector(), values, every=1.0) == []
        for kind, odd in ((Kind.SPIKE, [240.0]), (Kind.STUCK, [37.31] * 30)):
            found = fed(Detector(), [*values[:180], *odd], every=1.0)
            assert found[0].kind is kind, (seed, kind)
            assert found[0].at >= START + 180.0
    rising = [90_000.0 + 0.0002 * place for place in range(120)]
    assert fed(Detector(), [*rising, *(90_001.0 + 0.03 * place for place in range(60))], every=1.0) == []


def test_a_device_that_leaps_again_and_again_is_found_again_and_again() -> None:
    values = noise(600, 21.0, 0.3)
    values[100:600:50] = [75.0] * 10
    assert [round(one.at - START) for one in fed(Detector(), values, every=1.0)] == list(range(100, 600, 50))


def test_it_says_until_when_it_learns() -> None:
    detector = Detector()
    assert fed(detector, [1.0, 2.0, 900.0, -5.0] * 10, every=1.0) == []
    assert detector.learning_until == START + 3600.0
    fed(detector, noise(3700), every=1.0)
    assert detector.learning_until is None


def test_a_device_that_sends_hourly_learns_from_its_first_sixty_readings() -> None:
    detector = Detector()
    fed(detector, noise(10), every=3600.0)
    assert detector.learning_until == START + 59 * 3600.0


@pytest.mark.parametrize(("sensitivity", "found"), [(0.1, 0), (1.0, 1), (0.0, 0)])
def test_feedback_moves_the_threshold(sensitivity: float, found: int) -> None:
    detector = Detector()
    fed(detector, noise(1500))
    verdict = detector.step(START + 1500 * FIVE_MINUTES, 40.0, sensitivity)
    assert (verdict is not None) == bool(found)


def test_a_sensor_that_repeats_itself_is_stuck_and_one_that_rests_is_not() -> None:
    assert {verdict.kind for verdict in fed(Detector(), [*noise(1000), *[20.125] * 60])} == {Kind.STUCK}
    often = [value for place in range(40) for value in [*noise(20, seed=place), *[20.125] * 20]]
    assert Kind.STUCK not in {verdict.kind for verdict in fed(Detector(), [*often, *[20.125] * 300])}
