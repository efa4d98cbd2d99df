"""ChirpStack v4: what LoRaWAN devices sent, with the decoded payload under `object`."""

from __future__ import annotations

from validation.propose.families.family import SKIP, Family, Hint

CHIRPSTACK = Family(
    name="ChirpStack",
    model="lorawan",
    source="https://www.chirpstack.io/docs/chirpstack/integrations/events.html",
    topics=("application/+/device/+/event/up",),
    signs=("deviceInfo.devEui", "time"),
    device_level=2,
    time_path="time",
    sequence_path="fCnt",
    wrappers=("object",),
    hints=(
        ("deduplicationId", SKIP),
        ("deviceInfo.deviceName", Hint(name="device_name", kind="text")),
        ("deviceInfo.*", SKIP),
        ("devAddr", SKIP),
        ("data", SKIP),
        ("txInfo.frequency", Hint(name="radio_frequency", kind="integer", unit="Hz", minimum=0)),
        ("txInfo.modulation.lora.spreadingFactor", Hint(name="spreading_factor", kind="integer", unit="", minimum=0)),
        ("txInfo.*", SKIP),
        ("regionConfigId", SKIP),
        ("fCntDown", SKIP),
        ("fCnt", Hint(name="frame_count", kind="integer", unit="", minimum=0)),
        ("fPort", Hint(name="port", kind="integer", unit="", minimum=0, maximum=255)),
        ("dr", Hint(name="data_rate", kind="integer", unit="", minimum=0)),
        ("adr", SKIP),
        ("confirmed", SKIP),
    ),
    notes=(
        "The fields under `object` are what the codec of the device profile makes of a payload; without a codec there "
        "are none.",
        "Several gateways receive one message; `rxInfo`, an array of what each heard, is no field.",
    ),
)
