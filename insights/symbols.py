"""Numbers and units as people write them. Pure.

Units are UCUM (validation/units.py); the pages spell them in the same way (static/dashboard/charts/format.js).
"""

from __future__ import annotations

import math
import re

SYMBOLS = {
    "deg": "°", "Cel": "°C", "[degF]": "°F", "K": "K", "Ohm": "Ω", "kOhm": "kΩ", "m/s2": "m/s²", "m2": "m²", "m3": "m³",
    "um": "µm", "us": "µs", "kW.h": "kWh", "W.h": "Wh", "MW.h": "MWh", "A.h": "Ah", "mA.h": "mAh", "V.A": "VA",
    "ug/m3": "µg/m³", "mg/m3": "mg/m³", "g/m3": "g/m³", "m3/h": "m³/h", "/min": "per minute", "1": "", "By": "B",
    "[mi_i]/h": "mph", "[mi_i]": "mi", "[ft_i]": "ft", "[in_i]": "in", "[kn_i]": "kn", "[psi]": "psi", "[ppm]": "ppm",
    "[ppb]": "ppb", "[ppth]": "‰", "[pH]": "pH", "[g]": "g", "[lb_av]": "lb", "[gal_us]": "gal", "d": "days",
    "dB{mW}": "dBm", "W/m2": "W/m²",
}  # fmt: skip
MOST_DECIMALS = 6
ANNOTATION = re.compile(r"\{([^{}]*)\}")


def symbol(code: str) -> str:
    """Return a unit as people write it; of a word in braces the word."""
    return SYMBOLS.get(code) or (
        "" if code in SYMBOLS else ANNOTATION.sub(lambda match: match[1].replace("_", " "), code)
    )


def with_unit(number: str, code: str) -> str:
    """Return a number with its unit: 28.7 °C, 62 %, 45°."""
    unit = symbol(code)
    return f"{number}{'' if unit == '°' else ' '}{unit}" if unit else number


def decimals_of(spread: float, *values: float) -> int:
    """Return how many decimals a number of a series has: two digits of its spread, one more than its readings at most.

    The spread decides what can be told apart; the resolution of the readings (`values` are some) what they bear.
    """
    if not spread > 0 or not math.isfinite(spread):
        return resolution(*values)
    wanted = max(0, min(MOST_DECIMALS, 1 - math.floor(math.log10(spread))))
    return min(wanted, resolution(*values) + 1)


def resolution(*values: float) -> int:
    """Return how many decimals some readings have, MOST_DECIMALS at most."""
    return max((_decimals(value) for value in values), default=0)


def _decimals(value: float) -> int:
    text = f"{value:.{MOST_DECIMALS}f}".rstrip("0")
    return len(text.partition(".")[2])


def rounded(value: float, decimals: int) -> str:
    """Return a number with so many decimals at most, none of them a zero at its end, thousands with commas."""
    text = f"{value:,.{decimals}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
