"""Zigbee2MQTT: one topic a device, keys by what the device exposes."""

from __future__ import annotations

from validation.propose.families.family import SKIP, Family, Hint

ZIGBEE2MQTT = Family(
    name="Zigbee2MQTT",
    model="zigbee",
    source="https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html",
    topics=("zigbee2mqtt/+",),
    signs=("linkquality",),
    device_level=1,
    time_path="last_seen",
    hints=(
        ("update*", SKIP),
        ("device.*", SKIP),
        ("elapsed", Hint(kind="integer", unit="ms", minimum=0)),
        ("linkquality", Hint(name="link_quality", kind="integer", unit="", minimum=0, maximum=255)),
        ("battery", Hint(kind="number", unit="%", minimum=0, maximum=100)),
        ("brightness", Hint(kind="integer", unit="", minimum=0, maximum=254)),
        ("color_temp", Hint(kind="integer", unit="{mired}", minimum=0)),
        ("color.x", Hint(kind="number", unit="", minimum=0, maximum=1)),
        ("color.y", Hint(kind="number", unit="", minimum=0, maximum=1)),
        ("color_mode", Hint(kind="text")),
        ("action", Hint(kind="text")),
        ("illuminance", Hint(unit="lx", minimum=0)),
        ("energy", Hint(unit="kW.h", minimum=0)),
        ("state", Hint(choices=("ON", "OFF"))),
        ("power_on_behavior", Hint(kind="text")),
    ),
    notes=(
        "Without `last_seen` in Zigbee2MQTT's own settings no message has a time, and the moment of receipt is taken.",
        "A friendly name with a slash becomes levels of the topic; another model, with one + more, is for those.",
    ),
)
