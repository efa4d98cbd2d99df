"""OwnTracks: telephones that tell where they are."""

from __future__ import annotations

from validation.propose.families.family import SKIP, Family, Hint

OWNTRACKS = Family(
    name="OwnTracks",
    model="owntracks",
    source="https://owntracks.org/booklet/tech/json",
    topics=("owntracks/+/+",),
    signs=("_type", "tst", "lat", "lon"),
    device_level=2,
    time_path="tst",
    hints=(
        ("_type", SKIP),
        ("_id", SKIP),
        ("topic", SKIP),
        ("acc", Hint(name="accuracy", kind="number", unit="m", minimum=0)),
        ("vac", Hint(name="vertical_accuracy", kind="number", unit="m")),
        ("alt", Hint(name="altitude", kind="number", unit="m")),
        ("batt", Hint(name="battery", kind="number", unit="%", minimum=0, maximum=100)),
        ("bs", Hint(name="battery_status", kind="integer", unit="", minimum=0, maximum=3,
                    description="0 unknown, 1 unplugged, 2 charging, 3 full.")),
        ("vel", Hint(name="velocity", kind="number", unit="km/h", minimum=-1)),
        ("cog", Hint(name="course", kind="number", unit="deg", minimum=0, maximum=360)),
        ("p", Hint(name="pressure", kind="number", unit="kPa", minimum=0)),
        ("rad", Hint(name="radius", kind="number", unit="m", minimum=0)),
        ("created_at", Hint(name="created_at", description="When the message was made.")),
        ("conn", Hint(name="connection", kind="choice", choices=("w", "m", "o"),
                      description="w is Wi-Fi, m is mobile, o is offline.")),
        ("tid", Hint(name="tracker", kind="text", description="Two letters for the map.")),
        ("t", Hint(name="trigger", kind="text", description="Why the position was sent.")),
        ("m", Hint(name="monitoring_mode", kind="integer", unit="")),
        ("SSID", Hint(name="ssid", kind="text")),
        ("BSSID", Hint(name="bssid", kind="text")),
    ),
)  # fmt: skip
