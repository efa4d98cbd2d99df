"""Models to start from, complete with units, physical limits and what each field means."""

from __future__ import annotations

from dataclasses import dataclass

from validation.spec import FieldSpec, ModelSpec, Rule

Number = float | None


@dataclass(frozen=True, slots=True)
class Template:
    """A model to start from."""

    name: str
    title: str
    spec: ModelSpec
    description: str


def _number(
    name: str, unit: str, low: Number, high: Number, label: str, description: str, *, required: bool = False
) -> FieldSpec:
    return FieldSpec(
        name=name, kind="number", unit=unit, minimum=low, maximum=high, label=label, description=description,
        required=required,
    )  # fmt: skip


def _count(name: str, unit: str, label: str, description: str) -> FieldSpec:
    return FieldSpec(name=name, kind="integer", unit=unit, minimum=0, label=label, description=description)


VEHICLE = Template(
    "vehicle",
    "Vehicle",
    ModelSpec(
        name="vehicle",
        topic_filter="vehicles/+/telemetry",
        fields=(
            _number("speed", "km/h", 0, 400, "Speed", "Over ground.", required=True),
            FieldSpec(
                name="position", kind="point", path="latitude,longitude", label="Position", description="WGS 84."
            ),
            _number("heading", "deg", 0, 360, "Heading", "Clockwise from north; 90 is east."),
            _number("altitude", "m", -500, 9_000, "Altitude", "Above sea level."),
            _number("odometer", "km", 0, None, "Odometer", "Distance since the vehicle was built."),
            _number("battery", "%", 0, 100, "Battery", "Charge of the traction battery."),
            _number("fuel_level", "%", 0, 100, "Fuel level", "Of the tank."),
            _number("engine_speed", "/min", 0, 20_000, "Engine speed", "Revolutions of the crankshaft."),
            _number("coolant_temperature", "Cel", -60, 200, "Coolant temperature", "At the engine's outlet."),
            FieldSpec(name="ignition", kind="boolean", label="Ignition", description="Whether it is on."),
        ),
    ),
    "Vehicles on the road: speed, position, distance, energy, engine.",
)
WEATHER = Template(
    "weather_station",
    "Weather station",
    ModelSpec(
        name="weather_station",
        topic_filter="weather/+/telemetry",
        any_of=("temperature", "humidity", "pressure", "wind_speed", "rain"),
        fields=(
            _number("temperature", "Cel", -90, 65, "Temperature", "Of the air, 2 m above ground."),
            _number("humidity", "%", 0, 100, "Humidity", "Relative."),
            _number("pressure", "hPa", 300, 1_100, "Pressure", "At the station, not reduced to sea level."),
            _number("dew_point", "Cel", -90, 65, "Dew point", ""),
            _number("wind_speed", "m/s", 0, 120, "Wind speed", "Mean since the reading before."),
            _number("wind_gust", "m/s", 0, 150, "Wind gust", "Highest since the reading before."),
            _number("wind_direction", "deg", 0, 360, "Wind direction", "Where the wind comes from; 90 is east."),
            _number("rain", "mm", 0, None, "Rain", "Since the reading before."),
            _number("solar_radiation", "W/m2", 0, 2_000, "Solar radiation", "On a horizontal surface."),
            _number("illuminance", "lx", 0, 200_000, "Illuminance", ""),
            _number("uv_index", "1", 0, 25, "UV index", ""),
            _number("battery_voltage", "V", 0, 30, "Battery voltage", "Of the station itself."),
        ),
        rules=(Rule("wind_gust >= wind_speed", "A gust is at least as fast as the mean wind."),),
    ),
    "Weather stations: air, wind, rain and light; at least one of the usual values must be there.",
)
ENERGY_METER = Template(
    "energy_meter",
    "Energy meter",
    ModelSpec(
        name="energy_meter",
        topic_filter="meters/+/telemetry",
        fields=(
            _number("energy_import", "kW.h", 0, None, "Energy imported", "Counter since installation.", required=True),
            _number("energy_export", "kW.h", 0, None, "Energy exported", "Counter since installation."),
            _number("power", "W", None, None, "Active power", "Negative while energy is exported."),
            _number("reactive_power", "V.A", None, None, "Reactive power", "In var."),
            _number("power_factor", "1", -1, 1, "Power factor", ""),
            *(_number(f"voltage_l{n}", "V", 0, 1_000, f"Voltage L{n}", "Against neutral.") for n in (1, 2, 3)),
            *(_number(f"current_l{n}", "A", None, None, f"Current L{n}", "") for n in (1, 2, 3)),
            _number("frequency", "Hz", 40, 70, "Frequency", "Of the grid."),
            FieldSpec(
                name="tariff", kind="choice", choices=("low", "normal"), label="Tariff", description="In force now."
            ),
        ),
    ),
    "Electricity meters: counters, power, and voltage and current of each phase.",
)
MACHINE = Template(
    "machine",
    "Machine",
    ModelSpec(
        name="machine",
        topic_filter="machines/+/telemetry",
        fields=(
            FieldSpec(
                name="state", kind="choice", choices=("running", "idle", "stopped", "fault", "maintenance"),
                label="State", required=True, description="What the machine does now.",
            ),
            _count("parts", "", "Parts", "Counter of good parts since the shift began."),
            _count("rejects", "", "Rejects", "Counter of bad parts since the shift began."),
            _number("cycle_time", "s", 0, None, "Cycle time", "Of the last part."),
            _number("spindle_speed", "/min", 0, None, "Spindle speed", ""),
            _number("torque", "N.m", None, None, "Torque", ""),
            _number("load", "%", 0, 200, "Load", "Of the rated load; more for a short time."),
            _number("temperature", "Cel", -40, 300, "Temperature", "Of the bearing."),
            _number("vibration", "mm/s", 0, None, "Vibration", "Velocity, root mean square, as in ISO 20816."),
            _number("pressure", "bar", 0, 1_000, "Pressure", "Of the hydraulics."),
            _number("power", "kW", 0, None, "Power", "Electric."),
            _number("operating_hours", "h", 0, None, "Operating hours", "Counter."),
            FieldSpec(name="job", kind="text", max_length=64, label="Job", description="Order that is worked on."),
            FieldSpec(name="error_code", kind="integer", label="Error code", description="Of the control; 0 is none."),
        ),
    ),
    "Machines: state, parts, load and condition.",
)  # fmt: skip
TRACKER = Template(
    "tracker",
    "Tracker",
    ModelSpec(
        name="tracker",
        topic_filter="trackers/+/telemetry",
        fields=(
            FieldSpec(
                name="position", kind="point", path="lat,lon", label="Position", required=True, description="WGS 84."
            ),
            _number("altitude", "m", -500, 9_000, "Altitude", "Above sea level."),
            _number("accuracy", "m", 0, None, "Accuracy", "Radius within which the position lies with 68 %."),
            _number("speed", "km/h", 0, 1_200, "Speed", "Over ground."),
            _number("heading", "deg", 0, 360, "Heading", "Clockwise from north; 90 is east."),
            _count("satellites", "", "Satellites", "That the position rests on."),
            FieldSpec(name="moving", kind="boolean", label="Moving", description="As the tracker sees it."),
            _number("battery", "%", 0, 100, "Battery", "Charge."),
            _number("signal", "dB{mW}", -150, 0, "Signal", "Strength of the mobile network (dBm)."),
            _number("temperature", "Cel", -60, 100, "Temperature", "Inside the tracker."),
            FieldSpec(
                name="event", kind="text", max_length=64, label="Event", description="Why the position was sent."
            ),
        ),
    ),
    "Trackers of people, animals and goods: position first.",
)


def templates() -> dict[str, Template]:
    """Return the templates by name."""
    return {item.name: item for item in (VEHICLE, WEATHER, ENERGY_METER, MACHINE, TRACKER)}
