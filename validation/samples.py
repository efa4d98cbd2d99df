"""The two sample models that every new installation has."""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q

from validation import drafting
from validation.models import DataModel
from validation.publishing import publish
from validation.spec import FieldSpec, ModelSpec

VEHICLE = ModelSpec(
    name="vehicle",
    topic_filter="vehicles/+/telemetry",
    fields=(
        FieldSpec(name="speed", kind="number", label="Speed", unit="km/h", required=True, minimum=0, maximum=250),
        FieldSpec(name="heading", kind="number", label="Heading", unit="deg", minimum=0, maximum=360),
        FieldSpec(name="latitude", kind="number", label="Latitude", unit="deg", minimum=-90, maximum=90),
        FieldSpec(name="longitude", kind="number", label="Longitude", unit="deg", minimum=-180, maximum=180),
        FieldSpec(name="odometer", kind="number", label="Odometer", unit="km", minimum=0),
        FieldSpec(name="battery", kind="number", label="Battery", unit="%", minimum=0, maximum=100),
    ),
)
SENSOR = ModelSpec(
    name="sensor",
    topic_filter="sensors/+/telemetry",
    device_source="payload",
    any_of=("temperature", "humidity", "distance"),
    fields=(
        FieldSpec(name="temperature", kind="number", label="Temperature", unit="Cel", minimum=-50, maximum=150),
        FieldSpec(name="humidity", kind="number", label="Humidity", unit="%", minimum=0, maximum=100),
        FieldSpec(name="distance", kind="number", label="Distance", unit="cm", minimum=0),
    ),
)
DESCRIPTIONS = {
    "vehicle": "Vehicles on the road: speed, position, odometer and battery.",
    "sensor": "Stationary sensors: temperature, humidity, distance.",
}


def load_samples() -> list[str]:
    """Make and publish the sample models that are missing, and return their names.

    A model that a person made is kept: also one of another name that has the same topics.
    """
    loaded = []
    for spec in (VEHICLE, SENSOR):
        if not DataModel.objects.filter(Q(name=spec.name) | Q(topic_filter=spec.topic_filter)).exists():
            with transaction.atomic():
                publish(drafting.save(spec, DESCRIPTIONS[spec.name]))
            loaded.append(spec.name)
    return loaded
