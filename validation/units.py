"""Units of measure: tell whether a text is a unit in UCUM, and what to write instead when it is not.

The rules are those of the Unified Code for Units of Measure (https://ucum.org/ucum): "Character Set and Lexical
Rules" and "Syntax Rules" of its section 2, with the prefixes and unit atoms of its section 4 in their case-sensitive
spelling. Atoms of clinical chemistry and of old trades are left out.
"""

from __future__ import annotations

import re
import unicodedata

SOURCE = "https://ucum.org/ucum"
MAX_LENGTH = 100  # characters; the longest unit that telemetry needs has some twenty
MAX_NESTED = 10  # parentheses in one another

PREFIXES = (
    "Y", "Z", "E", "P", "T", "G", "M", "k", "h", "da", "d", "c", "m", "u", "n", "p", "f", "a", "z", "y",
    "Ki", "Mi", "Gi", "Ti",
)  # fmt: skip
# Atoms that take a prefix.
METRIC_TEXT = """
    m s g rad K C cd mol sr Hz N Pa J W A V F Ohm S Wb Cel T H lm lx Bq Gy Sv l L ar t bar u eV pc [c] [h] [k] [eps_0]
    [mu_0] [e] [m_e] [m_p] [G] [g] [ly] gf Ky Gal dyn erg P Bi St Mx G Oe Gb sb Lmb ph Ci R RAD REM cal_[15] cal_[20]
    cal_m cal_IT cal_th cal tex m[H2O] m[Hg] eq osm g% kat U [iU] [IU] Np B B[SPL] B[V] B[mV] B[uV] B[10.nV] B[W]
    B[kW] st mho bit By Bd
"""
METRIC = frozenset(METRIC_TEXT.split())
# Atoms that take none.
PLAIN_TEXT = """
    10* 10^ [pi] % [ppth] [ppm] [ppb] [pptr] gon deg ' '' min h d a_t a_j a_g a wk mo_s mo_j mo_g mo AU atm [lbf_av]
    [in_i] [ft_i] [yd_i] [mi_i] [fth_i] [nmi_i] [kn_i] [sin_i] [sft_i] [syd_i] [cin_i] [cft_i] [cyd_i] [mil_i] [ft_us]
    [yd_us] [in_us] [mi_us] [acr_us] [gal_us] [bbl_us] [qt_us] [pt_us] [foz_us] [bu_us] [gal_br] [qt_br] [pt_br]
    [foz_br] [gr] [lb_av] [oz_av] [ston_av] [lton_av] [stone_av] [oz_tr] [lb_tr] [degF] [degR] [degRe] [Cal] [Btu_39]
    [Btu_59] [Btu_60] [Btu_m] [Btu_IT] [Btu_th] [Btu] [HP] [den] [in_i'H2O] [in_i'Hg] [diop] %[slope] [mesh_i] [pH]
    [arb'U] Ao b att [psi] circ sph [car_m] bit_s [MET] [CFU]
"""
PLAIN = frozenset(PLAIN_TEXT.split())
# What people write instead, in small letters.
COMMON = {
    "c": "Cel", "degc": "Cel", "celsius": "Cel", "centigrade": "Cel", "degf": "[degF]", "fahrenheit": "[degF]",
    "kelvin": "K", "degree": "deg", "degrees": "deg", "kph": "km/h", "kmh": "km/h", "kmph": "km/h", "km/hr": "km/h",
    "mph": "[mi_i]/h", "mps": "m/s", "fps": "[ft_i]/s", "knot": "[kn_i]", "knots": "[kn_i]", "kn": "[kn_i]",
    "kt": "[kn_i]", "ppm": "[ppm]", "ppb": "[ppb]", "percent": "%", "pct": "%", "%rh": "%", "rh": "%",
    "kwh": "kW.h", "wh": "W.h", "mwh": "MW.h", "ah": "A.h", "mah": "mA.h", "va": "V.A", "kva": "kV.A",
    "var": "V.A", "kvar": "kV.A", "varh": "V.A.h", "dbm": "dB{mW}", "db": "dB", "rpm": "/min", "bpm": "/min",
    "cpm": "/min", "sec": "s", "secs": "s", "second": "s", "seconds": "s", "mins": "min", "minute": "min",
    "minutes": "min", "hr": "h", "hrs": "h", "hour": "h", "hours": "h", "day": "d", "days": "d", "week": "wk",
    "msec": "ms", "millis": "ms", "month": "mo", "year": "a", "years": "a", "ohm": "Ohm", "ohms": "Ohm", "kohm": "kOhm",
    "lux": "lx", "lumen": "lm", "volt": "V", "volts": "V", "v": "V", "mv": "mV", "kv": "kV", "amp": "A", "amps": "A",
    "ampere": "A", "watt": "W", "watts": "W", "w": "W", "kw": "kW", "hz": "Hz", "hertz": "Hz", "khz": "kHz",
    "mhz": "MHz", "pa": "Pa", "hpa": "hPa", "kpa": "kPa", "mbar": "mbar", "psi": "[psi]", "mmhg": "mm[Hg]",
    "inhg": "[in_i'Hg]", "meter": "m", "metre": "m", "meters": "m", "metres": "m", "km": "km", "mm": "mm",
    "inch": "[in_i]", "inches": "[in_i]", "in": "[in_i]", "foot": "[ft_i]", "feet": "[ft_i]", "ft": "[ft_i]",
    "yd": "[yd_i]", "mi": "[mi_i]", "mile": "[mi_i]", "miles": "[mi_i]", "nm": "nm", "kg": "kg", "gram": "g",
    "grams": "g", "ton": "t", "tons": "t", "lb": "[lb_av]", "lbs": "[lb_av]", "oz": "[oz_av]", "litre": "l",
    "liter": "l", "liters": "l", "litres": "l", "lpm": "l/min", "gal": "[gal_us]", "gallon": "[gal_us]",
    "gpm": "[gal_us]/min", "hp": "[HP]",
    "byte": "By", "bytes": "By", "kb": "kBy", "mb": "MBy", "gb": "GBy",
    "tb": "TBy", "bits": "bit", "bps": "bit/s", "kbps": "kbit/s", "mbps": "Mbit/s", "ph": "[pH]", "ratio": "1",
    "count": "1",
    "counts": "1", "none": "1", "index": "1", "g-force": "[g]",
}  # fmt: skip
# Units of UCUM that nobody means: kilophot, milliphot, femtotonne, kilobel and so on.
DECEPTIVE = frozenset(("kph", "mph", "ft", "kB", "MB", "GB", "TB"))
FOREIGN = {
    "µ": "u", "μ": "u", "Ω": "Ohm", "℃": "Cel", "℉": "[degF]", "°C": "Cel", "°F": "[degF]", "°": "deg",
    "′": "'", "″": "''", "²": "2", "³": "3", "⁻": "-", "¹": "1", "·": ".", "×": ".", "⋅": ".", "‰": "[ppth]", "％": "%",
}  # fmt: skip
TOKEN = re.compile(
    r"""(?P<annotation>\{[^{}]*\})
    | (?P<mark>[./()])
    | (?P<power>10[*^])
    | (?P<factor>[0-9]+)
    | (?P<exponent>[+-][0-9]+)
    | (?P<symbol>(?:[^./(){}\[\]0-9+-]|\[[^\[\]{}]*\])+)""",
    re.VERBOSE,
)


def fault_of_unit(text: str) -> str | None:
    """Return a sentence for people that says what is wrong with a unit, and what to write; None when it is fine.

    No unit at all, an empty text, is fine.
    """
    if not text or _is_meant(text):
        return None
    if len(text) > MAX_LENGTH:
        return f"A unit of {len(text)} characters is too long; {MAX_LENGTH} are allowed."
    better = _suggestion(text)
    if better and _is_unit(text):
        return f"{text!r} is another thing in UCUM: write {better}."
    if better:
        return f"{text!r} is not a UCUM unit: write {better}."
    if re.fullmatch(r"[A-Za-z_ -]+", text):
        word = re.sub(r"[ -]+", "_", text.strip())
        return f"{text!r} is not a UCUM unit. A word that is none can stand in braces: {{{word}}}."
    return f"{text!r} is not a UCUM unit, such as km/h, Cel, %, kW.h or ug/m3 ({SOURCE})."


def _suggestion(text: str) -> str | None:
    """Return the unit that somebody probably meant, None when nobody can tell."""
    plain = unicodedata.normalize("NFC", text.strip())
    for foreign, own in FOREIGN.items():
        plain = plain.replace(foreign, own)
    plain = re.sub(r"\s*([/.*])\s*", r"\1", plain).replace("**", "").replace(" per ", "/").replace("^", "")
    attempts = [
        plain,
        COMMON.get(plain.lower(), ""),
        plain.lower() if plain.isupper() else "",
        plain.replace("*", ".").replace(" ", "."),
    ]
    attempts.append("/".join(_common_part(part) for part in attempts[-1].split("/")))
    return next((unit for unit in attempts if unit and unit != text and _is_meant(unit)), None)


def _common_part(part: str) -> str:
    if _is_meant(part):
        return part
    word = re.fullmatch(r"([A-Za-z%]+)([0-9]?)", part)
    return COMMON.get(word[1].lower(), word[1]) + word[2] if word else part


def _is_meant(text: str) -> bool:
    """Tell whether a text is a unit, and hardly another one than what somebody meant."""
    return _is_unit(text) and DECEPTIVE.isdisjoint(re.split(r"[./]", text))


def _is_unit(text: str) -> bool:
    """Tell whether a text is a unit term: `main-term ::= "/" term | term`."""
    if len(text) > MAX_LENGTH or not all("!" <= letter <= "~" for letter in text):
        return False
    tokens: list[tuple[str, str]] = []
    place = 0
    while place < len(text):
        found = TOKEN.match(text, place)
        if found is None:
            return False
        tokens.append((found.lastgroup or "", found[0]))
        place = found.end()
    if tokens and tokens[0] == ("mark", "/"):
        tokens = tokens[1:]
    return _end_of_term(tokens, 0, 0) == len(tokens)


def _end_of_term(tokens: list[tuple[str, str]], place: int, nested: int) -> int:
    """Return where the term ends that begins at a place, -1 when there is none: components with . or / between."""
    place = _end_of_component(tokens, place, nested)
    while place >= 0 and place < len(tokens) and tokens[place] in (("mark", "."), ("mark", "/")):
        place = _end_of_component(tokens, place + 1, nested)
    return place


def _end_of_component(tokens: list[tuple[str, str]], place: int, nested: int) -> int:
    """Return the end of one component: a unit with exponent and annotation, a number, or a term in parentheses."""
    kind, text = tokens[place] if place < len(tokens) else ("", "")
    if (kind, text) == ("mark", "(") and nested < MAX_NESTED:
        end = _end_of_term(tokens, place + 1, nested + 1)
        if end < 0 or end >= len(tokens) or tokens[end] != ("mark", ")"):
            return -1
        return _after(tokens, end + 1, "annotation")
    if kind == "annotation":
        return place + 1
    if kind == "factor":
        return _after(tokens, place + 1, "annotation")
    if kind == "power" or (kind == "symbol" and _is_simple(text)):
        return _after(tokens, _after(tokens, place + 1, "factor", "exponent"), "annotation")
    return -1


def _after(tokens: list[tuple[str, str]], place: int, *kinds: str) -> int:
    """Return the place after an optional token of some kinds."""
    return place + 1 if place < len(tokens) and tokens[place][0] in kinds else place


def _is_simple(symbol: str) -> bool:
    """Tell whether a symbol is an atom, or a prefix and an atom that takes one."""
    if symbol in METRIC or symbol in PLAIN:
        return True
    return any(symbol.startswith(prefix) and symbol[len(prefix) :] in METRIC for prefix in PREFIXES)
