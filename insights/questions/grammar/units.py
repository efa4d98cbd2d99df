"""Units as people write them in a question, converted to the unit of a field. Pure.

Factors are the definitions of the units: the mile of 1,609.344 m, the pound-force per square inch of 6,894.757 Pa
(NIST Special Publication 811, appendix B), and 0 °C = 273.15 K.
"""

from __future__ import annotations

import re
from typing import NamedTuple


class Scale(NamedTuple):
    """A unit: what it measures, and how a value in it becomes one in the base unit: value * factor + offset."""

    of: str
    factor: float = 1.0
    offset: float = 0.0


# By UCUM code.
SCALES = {
    "km/h": Scale("speed", 1 / 3.6), "m/s": Scale("speed"), "[mi_i]/h": Scale("speed", 0.44704),
    "[kn_i]": Scale("speed", 1852 / 3600), "[ft_i]/s": Scale("speed", 0.3048),
    "Cel": Scale("temperature", 1.0, 273.15), "K": Scale("temperature"),
    "[degF]": Scale("temperature", 5 / 9, 273.15 - 32 * 5 / 9),
    "%": Scale("share", 0.01), "1": Scale("share"),
    "mm": Scale("length", 0.001), "cm": Scale("length", 0.01), "m": Scale("length"), "km": Scale("length", 1000.0),
    "[in_i]": Scale("length", 0.0254), "[ft_i]": Scale("length", 0.3048), "[mi_i]": Scale("length", 1609.344),
    "Pa": Scale("pressure"), "hPa": Scale("pressure", 100.0), "mbar": Scale("pressure", 100.0),
    "kPa": Scale("pressure", 1000.0), "bar": Scale("pressure", 1e5), "[psi]": Scale("pressure", 6894.757),
    "mV": Scale("voltage", 0.001), "V": Scale("voltage"), "kV": Scale("voltage", 1000.0),
    "mA": Scale("current", 0.001), "A": Scale("current"), "W": Scale("power"), "kW": Scale("power", 1000.0),
    "W.h": Scale("energy"), "kW.h": Scale("energy", 1000.0), "deg": Scale("angle"), "[ppm]": Scale("parts"),
    "g": Scale("mass", 0.001), "kg": Scale("mass"), "t": Scale("mass", 1000.0), "l": Scale("volume"),
    "lx": Scale("lux"),
    "Hz": Scale("frequency"), "/min": Scale("frequency", 1 / 60), "s": Scale("time"), "min": Scale("time", 60.0),
    "h": Scale("time", 3600.0),
}  # fmt: skip
WORDS = {
    "km/h": "km/h|kmh|kph|kilometers? per hour|kilometres? per hour|kilometers? an hour|kilometres? an hour",
    "[mi_i]/h": "mph|mi/h|miles? per hour|miles? an hour",
    "m/s": "m/s|mps|meters? per second|metres? per second",
    "[kn_i]": "knots?|kn",
    "Cel": "°c|(?:degrees? )?celsius|(?:degrees? )?centigrade|degrees? c|c",
    "[degF]": "°f|(?:degrees? )?fahrenheit|degrees? f|f",
    "K": "kelvin|k",
    "deg": "°|degrees?",
    "%": "%|percent|per cent|pct|percentage points?",
    "mm": "mm|millimeters?|millimetres?", "cm": "cm|centimeters?|centimetres?", "km": "km|kilometers?|kilometres?",
    "m": "m|meters?|metres?", "[mi_i]": "miles?", "[ft_i]": "feet|foot|ft", "[in_i]": "inch(?:es)?",
    "hPa": "hpa|hectopascals?", "mbar": "mbar|millibars?", "kPa": "kpa|kilopascals?", "bar": "bars?",
    "[psi]": "psi", "Pa": "pa|pascals?", "mV": "mv|millivolts?", "V": "v|volts?", "kV": "kv|kilovolts?",
    "mA": "ma|milliamps?", "A": "amps?|amperes?", "kW": "kw|kilowatts?", "W": "w|watts?",
    "kW.h": "kwh|kilowatt hours?", "W.h": "wh|watt hours?", "[ppm]": "ppm", "kg": "kg|kilos?|kilograms?",
    "g": "g|grams?", "t": "tons?|tonnes?", "l": "l|liters?|litres?", "lx": "lx|lux", "Hz": "hz|hertz", "/min": "rpm",
}  # fmt: skip
# Longest first, so that "km/h" is not taken for "km".
PATTERN = "|".join(sorted((word for words in WORDS.values() for word in words.split("|")), key=len, reverse=True))
READERS = {code: re.compile(words) for code, words in WORDS.items()}
SYMBOLS = {"Cel": "°C", "[degF]": "°F", "deg": "°", "[mi_i]/h": "mph", "[kn_i]": "kn", "kW.h": "kWh", "W.h": "Wh",
           "[ppm]": "ppm", "[psi]": "psi", "1": "", "Ohm": "Ω", "m/s2": "m/s²"}  # fmt: skip


def code_of(words: str) -> str | None:
    """Return the UCUM code of a unit as it stands in a question; None when it is none."""
    return next((code for code, reader in READERS.items() if reader.fullmatch(words)), None)


def converted(value: float, code: str, to: str) -> float | None:
    """Return a value in another unit; None where one cannot become the other. Degrees fit whatever counts degrees."""
    if code == "deg" and to in ("Cel", "[degF]", "K"):
        return value
    if code == to:
        return value
    one, other = SCALES.get(code), SCALES.get(to)
    if one is None or other is None or one.of != other.of:
        return None
    return (value * one.factor + one.offset - other.offset) / other.factor


def symbol(code: str) -> str:
    """Return a unit as people write it."""
    return SYMBOLS.get(code, code)
