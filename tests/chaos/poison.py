"""Payloads that are no readings, by name: each has to end in quarantine, or be stored when it turns out to be one."""

from __future__ import annotations

import gzip
import json
import time

NOW = time.time()
GOOD = json.dumps({"timestamp": NOW, "seq": 1, "speed": 50.0}).encode()


def with_speed(text: str) -> bytes:
    """Return a reading with these characters where its speed should be."""
    return b'{"timestamp": %.3f, "seq": 1, "speed": %s}' % (NOW, text.encode())


READINGS = {"array": 3}  # of the payloads that hold more than one
POISON: dict[str, bytes] = {
    "empty": b"",
    "bad_utf8": b'{"timestamp": 1, "speed": "\xff\xfe"}',
    "nul": b"\0" * 20,
    "escaped_nul": with_speed(r'"\u0000"'),
    "surrogate": with_speed(r'"\ud800"'),
    "nan": with_speed("NaN"),
    "infinite": with_speed("1e400"),
    "huge_integer": with_speed(str(2**70)),
    "negative_zero": with_speed("-0.0"),
    "deep": b"[" * 10_000 + b"]" * 10_000,
    "deep_inside": with_speed("[" * 5_000 + "]" * 5_000),
    "megabyte": with_speed('"' + "x" * 1_000_000 + '"'),
    "many_keys": json.dumps({"timestamp": NOW, "seq": 1, "speed": 1} | {f"k{n}": n for n in range(5_000)}).encode(),
    "same_key_twice": b'{"timestamp": %.3f, "seq": 1, "speed": 10, "speed": 20}' % NOW,
    "wrong_type": with_speed('"fast"'),
    "boolean": with_speed("true"),
    "null": with_speed("null"),
    "array": b"[1, 2, 3]",
    "nothing_in_it": b"{}",
    "text": b'"hello"',
    "half": GOOD[: len(GOOD) // 2],
    "twice": GOOD + GOOD,
    "gzip": gzip.compress(b"0" * 10_000_000),
    "byte_order_mark": b"\xef\xbb\xbf" + GOOD,
    "no_time": b'{"seq": 1, "speed": 50.0}',
    "time_is_text": b'{"timestamp": "yesterday", "seq": 1, "speed": 50.0}',
    "sequence_too_large": b'{"timestamp": %.3f, "seq": 9223372036854775808, "speed": 1}' % NOW,
    "sql": with_speed('"1); DROP TABLE telemetry.vehicle; --"'),
}
