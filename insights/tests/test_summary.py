"""Summaries of stored readings: what they say, and what they leave unsaid."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from ingest.models import Device
from insights.summaries.service import Summary, summary
from validation.history.question import Unanswerable
from validation.tests.conftest import Worker
from validation.tests.stored import publish_model, store

NOW = datetime(2026, 3, 2, tzinfo=UTC)
T = NOW.timestamp()
WARM = ({"name": "warmth", "unit": "Cel", "label": "Temperature"}, {"name": "door", "kind": "boolean"})


def payload(minute: int) -> dict[str, object]:
    """Return what the sensor of the first sketch of this platform sent, for a minute of a day."""
    temperature = 28.7 + 1.2 * math.sin(minute * 7.3) + (0.5 if minute % 97 == 0 else -0.5 if minute % 89 == 0 else 0.0)
    humidity = (59 if minute < 18 * 60 else 62) + minute % 3
    return {
        "device_id": "sensor_001",
        "temperature": round(temperature, 1),
        "humidity": humidity,
        "timestamp": T - 86_400 + minute * 60,
    }


def test_a_day_of_the_first_sensor_is_told_as_people_would(worker: Worker) -> None:
    sent = [payload(minute) for minute in range(1_440)]
    worker.receive(*(("sensors/sensor_001/telemetry", one) for one in sent))
    worker.work()
    found = summary(now=NOW - timedelta(seconds=30), model="sensor")
    mean = sum(float(str(one["temperature"])) for one in sent) / 1_440
    assert (
        f"Average temperature remained stable at {mean:.1f} °C with minor fluctuations between 27.1 °C and 30.4 °C."
        in found.text
    )
    assert "Humidity increased slightly after 18:00, from 60 % to 63 % on average." in found.text
    assert "1,440 readings of 1 device in the last 24 hours" in found.text
    facts = {fact.name: fact for fact in found.facts}
    assert facts["temperature.mean"].value == pytest.approx(mean, rel=1e-12)
    assert facts["humidity.shift"].value == pytest.approx(3.0, abs=0.01)
    assert found.engine == "template"


def of(values: list[float], **more: object) -> Summary:
    spec = publish_model(fields=WARM)
    step = 86_000 / len(values)
    store(spec, "van_1", [(T - 86_300 + place * step, {"warmth": value, **more}) for place, value in enumerate(values)])
    Device.objects.filter(name="van_1").update(expected_interval_s=step)
    return summary(now=NOW - timedelta(seconds=30), model="van")


pytestmark = pytest.mark.django_db


def test_a_constant_stays() -> None:
    assert "Temperature stayed at 21.5 °C (50 readings)." in of([21.5] * 50).text


def test_of_one_reading_only_the_reading_is_told() -> None:
    assert "Temperature: 1 reading, 21.5 °C at 00:01." in of([21.5]).text


def test_of_a_few_readings_no_average_is_told() -> None:
    text = of([20.0, 25.0, 21.0]).text
    assert "Temperature: only 3 readings, between 20 °C and 25 °C." in text
    assert "verage" not in text


def test_noise_has_no_shape() -> None:
    text = of([20.0 + (place * 7919 % 101) / 10 for place in range(400)]).text
    assert not any(word in text for word in ("increased", "decreased", "rose", "fell", "higher", "lower"))


def test_what_rises_all_the_time_is_told_with_its_slope() -> None:
    assert "Temperature rose strongly all the time, by 1 °C an hour." in of([place / 20 for place in range(480)]).text


def test_an_evening_that_differs_is_told_with_its_hours() -> None:
    values = [30.0 if 12 <= place / 20 < 18 else 20.0 + place % 2 for place in range(480)]
    assert "Temperature was strongly higher between 12:00 and 18:00: 30 °C against 21 °C" in of(values).text


def test_that_nothing_came_at_the_beginning_is_told() -> None:
    spec = publish_model(fields=WARM)
    store(spec, "van_1", [(T - 3_600 + 60 * place, {"warmth": 20.0 + place % 2}) for place in range(60)])
    text = summary(now=NOW - timedelta(seconds=30), model="van").text
    assert "60 readings of 1 device in the last 24 hours, none of them before 23:00." in text


def test_a_yes_or_no_is_counted() -> None:
    assert "Door was always true (40 times)." in of([1.0, 2.0] * 20, door=True).text


def test_a_silence_is_told_with_its_length_and_device() -> None:
    spec = publish_model(fields=WARM)
    store(
        spec,
        "van_1",
        [(T - 3_600 * 24 + 60 * place, {"warmth": 20.0}) for place in range(1_440) if not 600 <= place < 720],
    )
    Device.objects.filter(name="van_1").update(expected_interval_s=60)
    text = summary(now=NOW - timedelta(seconds=30), model="van").text
    assert "1 device fell silent, 1 time in all; the longest was van_1 for 2 hours from 09:59." in text


def test_a_device_that_is_gone_does_not_make_the_others_colder() -> None:
    spec = publish_model(fields=WARM)
    for name, level, until in (("van_1", 20.0, 1_440), ("van_2", 40.0, 900)):
        readings = [(T - 86_400 + 60.0 * place, {"warmth": level + place % 5 / 10}) for place in range(until)]
        store(spec, name, readings)
        Device.objects.filter(name=name).update(expected_interval_s=60)
    text = summary(now=NOW - timedelta(seconds=30), model="van").text
    assert "decreased" not in text
    assert "1 device fell silent" in text


def test_no_readings_are_told_as_none() -> None:
    spec = publish_model(fields=WARM)
    store(spec, "van_1", [(T - 200_000, {"warmth": 20.0})])
    assert summary(now=NOW, model="van").text == "No readings of van in the last 24 hours."
    assert summary(now=NOW, device="van_1").text == "No readings of van_1 in the last 24 hours."


@pytest.mark.parametrize(
    ("asked", "attr"), [({"model": "boat"}, "model"), ({"device": "ghost"}, "device"), ({"tag": "north"}, "tag")]
)
def test_what_does_not_exist_is_named(asked: dict[str, str], attr: str) -> None:
    publish_model(fields=WARM)
    with pytest.raises(Unanswerable) as refused:
        summary(now=NOW, **asked)  # type: ignore[arg-type]
    assert refused.value.attr == attr


def test_a_hostile_tag_is_data() -> None:
    publish_model(fields=WARM)
    with pytest.raises(Unanswerable):
        summary(now=NOW, tag="'; DROP TABLE validation_latest; --")
