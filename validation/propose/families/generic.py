"""Families that no single documentation defines: they are known by what they measure."""

from __future__ import annotations

from validation.propose.families.family import Family, Hint

VEHICLE = Family(
    name="vehicle",
    model="vehicle",
    # The Vehicle Signal Specification: its names, and its units where it has some.
    source="https://covesa.github.io/vehicle_signal_specification/",
    words=("speed", "heading", "odometer", "latitude", "lat", "rpm", "fuel", "mileage", "course", "throttle",
           "ignition", "gear", "vin", "powertrain"),
    enough=3,
    wrappers=("Vehicle", "CurrentLocation", "Powertrain"),
    hints=(
        ("*TraveledDistance", Hint(name="traveled_distance", unit="km", minimum=0)),
        ("*FuelSystem.RelativeLevel", Hint(name="fuel_level", unit="%", minimum=0, maximum=100)),
        ("*StateOfCharge.Current", Hint(name="state_of_charge", unit="%", minimum=0, maximum=100)),
        ("*CombustionEngine.Speed", Hint(name="engine_speed", unit="/min", minimum=0)),
        ("*CurrentGear", Hint(name="gear", kind="integer", unit="", description="0 is neutral, −1 is reverse.")),
    ),
)  # fmt: skip
WEATHER = Family(
    name="weather station",
    model="weather",
    # The names and units that rtl_433 gives what radio sensors of many makers send.
    source="https://github.com/merbanan/rtl_433/blob/master/docs/DATA_FORMAT.md",
    words=("wind", "gust", "rain", "humidity", "pressure", "barometer", "uv", "uvi", "solar", "dewpoint", "dew",
           "temperature", "temp", "precipitation", "radiation"),
    enough=3,
    hints=(
        ("wind_max_*", Hint(name="wind_gust", label="Wind gust")),
        ("battery_ok", Hint(name="battery_ok", unit="1", minimum=0, maximum=1,
                            description="1 is full or fine, 0 is empty or low.")),
        ("mic", Hint(skip=True)),
    ),
)  # fmt: skip
ENERGY_METER = Family(
    name="energy meter",
    model="energy_meter",
    # A meter that documents all of its names: HomeWizard's P1.
    source="https://api-documentation.homewizard.com/docs/v1/measurement",
    words=("voltage", "current", "power", "energy", "frequency", "pf", "import", "export", "reactive", "kwh"),
    enough=4,
    hints=(("wifi_strength", Hint(kind="integer", unit="%", minimum=0, maximum=100)),),
)  # fmt: skip
