"""What names of fields say about units and physical limits: a table of the words that telemetry uses.

A limit stands here only where physics or the definition of the unit sets it, and it is proposed only where what was
seen fits. What was seen is never a limit by itself: a cold week says nothing about the next summer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from validation.propose.traffic import Place
from validation.propose.words import words_of


@dataclass(frozen=True, slots=True)
class Size:
    """A unit that values between two bounds speak for."""

    low: float
    high: float
    unit: str


@dataclass(frozen=True, slots=True)
class Quantity:
    """A quantity: the phrases that name it, its usual unit, its limits, and whether its values are counted."""

    phrases: tuple[str, ...]
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    whole: bool = False
    sizes: tuple[Size, ...] = ()
    letters: tuple[tuple[str, str], ...] = ()  # what a single letter at the end of the name means

    def units(self) -> Iterator[str]:
        """Yield every unit that this may give."""
        yield self.unit
        yield from (size.unit for size in self.sizes)
        yield from (unit for _, unit in self.letters)


@dataclass(frozen=True, slots=True)
class Measure:
    """What a name and its values together say, and the words for it."""

    unit: str
    minimum: float | None
    maximum: float | None
    whole: bool | None  # None: nobody knows
    why: str
    ending: int = 0  # words at the end of the name that only say the unit


PERCENT = (Size(-0.0001, 1.0, "1"), Size(0, 100, "%"))
PRESSURE = (Size(300, 1_200, "hPa"), Size(30_000, 120_000, "Pa"), Size(30, 120, "kPa"), Size(0.5, 2, "bar"))
CELSIUS = (("c", "Cel"), ("f", "[degF]"), ("k", "K"))
METRES = (("m", "m"),)

QUANTITIES = (
    Quantity(("dew point", "dewpoint"), "Cel", -273.15, letters=CELSIUS),
    Quantity(("temperature", "temp", "tmp", "temperatur", "temperatura"), "Cel", -273.15, letters=CELSIUS),
    Quantity(("humidity", "hum", "rh", "moisture", "soil moisture"), "%", 0, 100, sizes=PERCENT),
    Quantity(("pressure", "barometer", "baro", "press"), "", 0, sizes=PRESSURE),
    Quantity(
        ("battery", "batt", "bat", "soc", "state of charge", "battery level", "battery percent", "charge level"),
        "%", 0, 100, sizes=(*PERCENT, Size(1_000, 60_000, "mV")),
    ),
    Quantity(("battery voltage", "batt voltage", "vbat", "vbatt"), "V", sizes=(Size(1_000, 60_000, "mV"),)),
    Quantity(("voltage", "volt", "volts", "u1", "u2", "u3"), "V", sizes=(Size(1_000, 60_000, "mV"),),
             letters=(("v", "V"),)),
    Quantity(("current", "amperage", "i1", "i2", "i3"), "A", letters=(("a", "A"),)),
    Quantity(("apparent power", "apparentpower", "aprtpower"), "V.A"),
    Quantity(("reactive power", "reactivepower"), "V.A"),
    Quantity(("power factor", "powerfactor", "pf", "cos phi"), "1", -1, 1),
    Quantity(("power", "active power", "apower", "p1", "p2", "p3", "watt", "watts", "load power"), "W",
             letters=(("w", "W"),)),
    Quantity(("energy", "consumption", "import energy", "export energy", "yield"), "kW.h"),
    Quantity(("frequency", "freq"), "Hz", 0),
    Quantity(("illuminance", "lux", "light", "light level", "brightness lux"), "lx", 0),
    Quantity(("uv", "uv index", "uvi"), "1", 0),
    Quantity(("solar radiation", "irradiance", "radiation", "solar"), "W/m2", 0),
    Quantity(("wind speed", "windspeed", "wind gust", "gust", "wind", "wind avg"), "m/s", 0),
    Quantity(("wind direction", "wind dir", "winddir", "wind bearing", "wind angle"), "deg", 0, 360),
    Quantity(("rain", "rainfall", "precipitation", "rain total", "snow"), "mm", 0),
    Quantity(("rain rate", "rain intensity", "rainrate"), "mm/h", 0),
    Quantity(("speed", "velocity", "vel", "ground speed", "vehicle speed"), "km/h", 0),
    Quantity(("heading", "course", "cog", "bearing", "azimuth", "yaw"), "deg", 0, 360),
    Quantity(("pitch", "roll", "tilt", "angle", "inclination"), "deg"),
    Quantity(("latitude", "lat"), "deg", -90, 90),
    Quantity(("longitude", "lon", "lng", "long"), "deg", -180, 180),
    Quantity(("altitude", "alt", "elevation"), "m", letters=METRES),
    Quantity(("accuracy", "acc", "vac", "hdop accuracy", "gps accuracy"), "m", 0),
    Quantity(("odometer", "mileage", "odo", "trip"), "km", 0),
    Quantity(("distance", "range", "level distance"), "", 0, letters=METRES),
    Quantity(("fuel", "fuel level", "throttle", "tank", "fill level", "humidity setpoint"), "%", 0, 100,
             sizes=PERCENT),
    Quantity(("rpm", "engine speed", "rotation", "spindle speed"), "/min", 0),
    Quantity(("torque",), "N.m"),
    Quantity(("vibration",), "mm/s", 0),
    Quantity(("weight", "mass"), "kg", 0),
    Quantity(("rssi", "signal strength", "signal", "dbm"), "dB{mW}", sizes=(Size(-200, 20, "dB{mW}"),
                                                                            Size(0, 100, "%"))),
    Quantity(("snr", "noise", "sound level", "loudness"), "dB"),
    Quantity(("link quality", "linkquality", "lqi"), "", 0, 255, whole=True),
    Quantity(("co2", "eco2", "carbon dioxide"), "[ppm]", 0),
    Quantity(("co", "carbon monoxide"), "[ppm]", 0),
    Quantity(("voc", "tvoc"), "[ppb]", 0),
    Quantity(("pm25", "pm2 5", "pm10", "pm1", "pm1 0", "pm4", "pm", "particulate matter"), "ug/m3", 0),
    Quantity(("ph",), "[pH]", 0, 14),
    Quantity(("conductivity", "ec"), "uS/cm", 0),
    Quantity(("flow", "flow rate"), "l/min"),
    Quantity(("volume", "water total"), "", 0),
    Quantity(("uptime", "uptime sec", "run time", "runtime"), "s", 0, letters=(("s", "s"),), whole=True),
    Quantity(("duration", "elapsed", "interval", "latency", "delay", "age"), "", 0, letters=(("s", "s"),)),
    Quantity(("count", "counter", "pulses", "total count", "parts", "satellites", "sats", "errors", "cycles",
              "boot count", "link count", "mqtt count", "reconnects", "steps"), "", 0, whole=True),
    Quantity(("channel", "port", "f port", "tariff", "dr", "code", "id", "index", "mode", "version"), whole=True),
    Quantity(("heap", "ram", "memory", "free memory"), "", 0, whole=True),
    Quantity(("cpu", "cpu load", "utilisation", "utilization", "duty", "load"), "%", 0, sizes=(Size(0, 100, "%"),)),
)  # fmt: skip

# The end of a name that says its unit.
ENDINGS = {
    "kwh": "kW.h", "wh": "W.h", "kw": "kW", "mv": "mV", "ma": "mA", "kv": "kV", "va": "V.A", "var": "V.A",
    "hz": "Hz", "khz": "kHz", "mhz": "MHz", "hpa": "hPa", "kpa": "kPa", "pa": "Pa", "mbar": "mbar", "bar": "bar",
    "psi": "[psi]", "ppm": "[ppm]", "ppb": "[ppb]", "lux": "lx", "dbm": "dB{mW}", "db": "dB", "pct": "%",
    "percent": "%", "percentage": "%", "kmh": "km/h", "kph": "km/h", "mph": "[mi_i]/h", "mps": "m/s", "km": "km",
    "cm": "cm", "mm": "mm", "meters": "m", "metres": "m", "msec": "ms", "ms": "ms", "millis": "ms", "sec": "s",
    "secs": "s", "seconds": "s", "mins": "min", "minutes": "min", "hours": "h", "days": "d", "rpm": "/min",
    "celsius": "Cel", "degc": "Cel", "fahrenheit": "[degF]", "degf": "[degF]", "kelvin": "K", "deg": "deg",
    "degrees": "deg", "kg": "kg", "lpm": "l/min", "volts": "V", "amps": "A", "watts": "W", "bytes": "By",
    "liters": "l", "litres": "l", "m3": "m3", "ugm3": "ug/m3",
}  # fmt: skip
PER: dict[tuple[str, ...], str] = {
    ("m", "s"): "m/s",
    ("km", "h"): "km/h",
    ("mi", "h"): "[mi_i]/h",
    ("mm", "h"): "mm/h",
    ("l", "min"): "l/min",
}
# Keys that are nothing but a unit, as they are written.
UNIT_KEYS = {"V": "V", "A": "A", "W": "W", "Hz": "Hz", "VA": "V.A", "tC": "Cel", "tF": "[degF]"}
# Words that say nothing by themselves: what is meant stands one level up.
GENERAL_TEXT = """
    value val now total avg average mean minimum maximum min max today yesterday last reading raw level sum instant
    actual live day month year
"""
GENERAL = frozenset(GENERAL_TEXT.split())
# The lowest value of a unit, where it is not that of the quantity.
LOWEST = {"Cel": -273.15, "[degF]": -459.67, "K": 0.0}

PHRASES = {tuple(phrase.split()): quantity for quantity in QUANTITIES for phrase in quantity.phrases}
LONGEST_PHRASE = max(map(len, PHRASES))


def measure(path: Sequence[str], place: Place) -> Measure:
    """Return what the name and the values of a number say about it; nothing but "" and None when they say nothing."""
    leaf = words_of(path[-1])
    quantity, phrase = _quantity(leaf)
    if quantity is None and len(path) > 1 and (not leaf or set(leaf) <= GENERAL or path[-1] in UNIT_KEYS):
        quantity, phrase = _quantity(words_of(path[-2]))
    said, ending = _unit_of_name(path[-1], leaf, quantity)
    if quantity is None:
        return Measure(said or "", None, None, None, f"its name ends in a unit, {said}" if said else "", ending)
    unit = said or _unit_of_size(quantity, place)
    why = f"{phrase!r} is measured in {unit}" if unit and not said else f"{phrase!r}, and its name says {said}"
    low, high = _limits(quantity, unit, place)
    return Measure(unit, low, high, quantity.whole, why if unit else f"{phrase!r}", ending)


def _quantity(words: Sequence[str]) -> tuple[Quantity | None, str]:
    """Return the quantity that the longest phrase among some words names, the last one of equal length."""
    for length in range(min(LONGEST_PHRASE, len(words)), 0, -1):
        for start in range(len(words) - length, -1, -1):
            phrase = tuple(words[start : start + length])
            if phrase in PHRASES:
                return PHRASES[phrase], " ".join(phrase)
    return None, ""


def _unit_of_name(key: str, words: tuple[str, ...], quantity: Quantity | None) -> tuple[str | None, int]:
    """Return the unit that a name ends in, and in how many of its words."""
    if key in UNIT_KEYS:
        return UNIT_KEYS[key], 0
    if len(words) > 2 and words[-2:] in PER:
        return PER[words[-2:]], 2
    if len(words) < 2:
        return None, 0
    unit = ENDINGS.get(words[-1]) or dict(quantity.letters if quantity else ()).get(words[-1])
    return unit, 1 if unit else 0


def _unit_of_size(quantity: Quantity, place: Place) -> str:
    """Return the unit that the values speak for, the usual one where they say nothing."""
    if place.low is None or place.high is None:
        return quantity.unit
    for size in quantity.sizes:
        if size.unit == "1" and (not place.kinds["float"] or place.high == place.low):
            continue  # 0 and 1 alone are as well percent
        if size.low <= place.low and place.high <= size.high:
            return size.unit
    # Values that fit none of the sizes are of some other unit, which nobody can tell.
    return quantity.unit if not quantity.sizes or quantity.unit not in {size.unit for size in quantity.sizes} else ""


def _limits(quantity: Quantity, unit: str, place: Place) -> tuple[float | None, float | None]:
    """Return the limits that hold in a unit, as far as every value that was seen lies within them."""
    low, high = quantity.minimum, quantity.maximum
    if unit in LOWEST:
        low = LOWEST[unit]
    elif unit == "1" and quantity.unit == "%":
        high = 1.0 if high is not None else None
    elif unit != quantity.unit:
        high = None
    if place.low is not None and low is not None and place.low < low:
        low = None
    if place.high is not None and high is not None and place.high > high:
        high = None
    return low, high
