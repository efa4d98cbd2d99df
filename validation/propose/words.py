"""Turn the keys of payloads into words, into names that a table can have, and into labels for people."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container, Iterable, Sequence

from validation.spec import OWN_COLUMNS, SYSTEM_COLUMNS

MAX_FIELD, MAX_MODEL = 63, 40  # characters; a model's name leaves room to be made unique
# TotalStartTime, devEUI, AM2301, temp_c, DS18B20-1
PIECES = re.compile(r"[A-Z]+(?![a-z])[0-9]*|[A-Z]?[a-z]+[0-9]*|[0-9]+")
# Units and names that change between small and capital letters, and are one word all the same.
ONE_WORD = re.compile(r"(?<![A-Za-z])(hPa|kPa|kWh?|Wh|mVA?|mAh?|kVA?|dBm?|[kMG]Hz|pH|B?SSId)(?![a-z])")
# The words that PostgreSQL reserves (its manual, appendix C): a column of such a name would have to be quoted by
# everybody who queries the table.
RESERVED_TEXT = """
    all analyse analyze and any array as asc asymmetric both case cast check collate column constraint create
    current_catalog current_date current_role current_time current_timestamp current_user default deferrable desc
    distinct do else end except false fetch for foreign from grant group having in initially intersect into lateral
    leading limit localtime localtimestamp not null offset on only or order placing primary references returning
    select session_user some symmetric system_user table then to trailing true union unique user using variadic when
    where window with
"""
RESERVED = frozenset(RESERVED_TEXT.split())
LABELS = {
    "co2": "CO₂", "eco2": "eCO₂", "tvoc": "TVOC", "voc": "VOC", "pm1": "PM1", "pm25": "PM2.5", "pm2_5": "PM2.5",
    "pm10": "PM10", "rssi": "RSSI", "snr": "SNR", "ph": "pH", "uv": "UV", "rpm": "RPM", "id": "ID", "ip": "IP",
    "mac": "MAC", "gps": "GPS", "soc": "SoC", "cpu": "CPU", "no2": "NO₂", "o3": "O₃", "wifi": "Wi-Fi", "ssid": "SSID",
    "bssid": "BSSID", "lqi": "LQI", "ap": "access point", "adr": "ADR", "eui": "EUI", "temp": "temperature",
}  # fmt: skip


def words_of(key: str) -> tuple[str, ...]:
    """Return the words of a key in small letters: TotalStartTime gives total, start and time."""
    plain = ONE_WORD.sub(lambda found: found[0].lower(), _ascii(key))
    return tuple(piece.lower() for piece in PIECES.findall(plain))


def _ascii(text: str) -> str:
    """Return a text without accents; letters that have no relative in ASCII are lost."""
    return unicodedata.normalize("NFKD", text.replace("ß", "ss")).encode("ascii", "ignore").decode()


def field_name(path: Sequence[str], taken: Container[str]) -> str:
    """Return a name for what stands at a path: a-z, 0-9 and _, not taken, not one that a table or SQL has already."""
    plain = "_".join(word for key in path for word in words_of(key))
    if not plain:
        plain = "field"
    elif not plain[0].isalpha():
        plain = f"n{plain}"
    plain = plain[:MAX_FIELD].rstrip("_")
    if plain in RESERVED or plain in OWN_COLUMNS or plain in SYSTEM_COLUMNS or plain in taken:
        plain = f"{plain[: MAX_FIELD - 6]}_value"
    return unique(plain, taken, MAX_FIELD)


def model_name(words: Iterable[str], taken: Container[str] = ()) -> str:
    """Return a name for a model: a-z, 0-9 and _, not taken; `telemetry` when there is nothing to make one of."""
    plain = "_".join(word for text in words for word in words_of(text))[:MAX_MODEL].strip("_")
    if not plain or not plain[0].isalpha():
        plain = f"model_{plain}".strip("_")[:MAX_MODEL] if plain else "telemetry"
    # A name like that of a daily partition is refused.
    plain = re.sub(r"_p([0-9]{8})$", r"_\1", plain)
    return unique(plain, taken, MAX_MODEL + 8)


def unique(name: str, taken: Container[str], longest: int) -> str:
    """Return the name, or with the first free number behind it."""
    number, free = 2, name
    while free in taken:
        ending = f"_{number}"
        free, number = name[: longest - len(ending)] + ending, number + 1
    return free


def label(name: str, without: int = 0) -> str:
    """Return what to call a field, without its last words: wind_speed gives Wind speed, co2 gives CO₂."""
    words = [word for word in name.split("_") if word]
    words = words[: len(words) - without] or words
    # What has digits is mostly the name of a part or of a phase: AM2301, L1.
    text = " ".join(LABELS.get(word, word.upper() if re.search("[a-z][0-9]", word) else word) for word in words)
    return text[:1].upper() + text[1:100] if text[:2] not in ("eC", "pH") else text


def singular(word: str) -> str:
    """Return the singular of a plural English noun, as well as its ending shows it: vehicles gives vehicle."""
    if word.endswith("ies") and len(word) > 4:
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) and len(word) > 3 else word
