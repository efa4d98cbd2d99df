"""The closer look: bounds, form and text of a payload."""

from __future__ import annotations

import time
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from validation.limits import (
    MAX_DEPTH,
    MAX_KEYS,
    MAX_PAYLOAD_BYTES,
    MAX_READINGS,
    SUSPICIOUS_BYTES,
    is_suspicious,
    parse,
)


def nested(depth: int) -> bytes:
    return b"[" * depth + b"]" * depth


def keys(count: int) -> bytes:
    return b"{%s}" % b",".join(b'"%d":1' % key for key in range(count))


@pytest.mark.parametrize(
    "payload",
    [
        b"x" * (SUSPICIOUS_BYTES + 1),
        rb'{"a":"\u0000"}',
        rb'{"a":"\n"}',
        '{"a":"ü"}'.encode(),
        b'{"a":"\xff"}',
        nested(MAX_DEPTH + 1),
        b'{"a":' * (MAX_DEPTH + 1) + b"1" + b"}" * (MAX_DEPTH + 1),
        keys(MAX_KEYS + 1),
    ],
)
def test_what_msgspec_would_judge_too_kindly_is_suspicious(payload: bytes) -> None:
    assert is_suspicious(payload)


@pytest.mark.parametrize(
    "payload", [b"", b"x", b'{"timestamp":1760000000.5,"speed":50.5}', nested(MAX_DEPTH), keys(99)]
)
def test_an_ordinary_payload_is_not_suspicious(payload: bytes) -> None:
    assert not is_suspicious(payload)


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", "empty"),
        (b"\n \t", "empty"),
        (b"x" * (MAX_PAYLOAD_BYTES + 1), "too_large"),
        (b" " * (MAX_PAYLOAD_BYTES + 1), "too_large"),
        (b'{"a":"\xc3"}', "not_utf8"),
        (b"\xed\xa0\x80", "not_utf8"),
        (rb'"\ud800"', "not_json"),
        (b"{", "not_json"),
        (b"NaN", "not_json"),
        (b"[1,]", "not_json"),
        (b"01", "not_json"),
        (b"1e400", "number_range"),
        (b"-1e400", "number_range"),
        (nested(MAX_DEPTH + 1), "too_deep"),
        (nested(5_000), "too_deep"),
        (b"[" * 5_000, "too_deep"),
        (keys(MAX_KEYS + 1), "too_many_keys"),
        (b"[1,%s]" % keys(MAX_KEYS + 1), "too_many_keys"),
        (b'{"a":[%s],"b":%s}' % (keys(600), keys(600)), "too_many_keys"),
        (b"[%s]" % b",".join([b"1"] * (MAX_READINGS + 1)), "too_many_readings"),
        (rb'"\u0000"', "nul_character"),
    ],
)
def test_what_cannot_be_used_has_one_reason(payload: bytes, code: str) -> None:
    value, reasons = parse(payload)
    assert value is None
    assert [reason.code for reason in reasons] == [code]
    assert len(reasons[0].detail) < 200


@pytest.mark.parametrize(
    "payload",
    [
        b"5",
        b" {} ",
        nested(MAX_DEPTH),
        keys(MAX_KEYS),
        b"[%s]" % b",".join([b"[1]"] * MAX_READINGS),
        rb'"\\u0000"',
        b'"%s"' % (b"x" * (MAX_PAYLOAD_BYTES - 2)),
    ],
)
def test_what_is_just_within_the_bounds_is_decoded(payload: bytes) -> None:
    assert parse(payload) == (orjson.loads(payload), [])


@pytest.mark.parametrize(
    ("payload", "path"),
    [
        (rb'"a\u0000"', ""),
        (rb'{"a\u0000":1}', ""),
        (rb'{"a":[1,"x",{"b/c":"\u0000"}]}', "/a/2/b~1c"),
        (rb'[{"a":1},{"a\u0000":1}]', "/1"),
    ],
)
def test_the_place_of_a_nul_character_is_told(payload: bytes, path: str) -> None:
    _, (reason,) = parse(payload)
    assert (reason.code, reason.path) == ("nul_character", path)


def test_a_payload_of_many_parts_below_a_long_key_costs_no_more_than_its_size() -> None:
    payload = b'{"%s":[%s"\\u0000"]}' % (b"k" * 100_000, b"0," * 70_000)
    start = time.process_time()
    _, (reason,) = parse(payload)
    assert reason.code == "nul_character"
    assert len(reason.path) <= 500
    assert time.process_time() - start < 0.5


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(JSON)
def test_json_is_decoded_unless_it_holds_a_nul_character(value: Any) -> None:
    payload = orjson.dumps(value)
    if rb"\u0000" in payload.replace(rb"\\", b""):
        assert [reason.code for reason in parse(payload)[1]] == ["nul_character"]
    else:
        assert parse(payload) == (value, [])


@given(st.binary())
def test_no_bytes_make_it_raise(payload: bytes) -> None:
    is_suspicious(payload)
    value, reasons = parse(payload)
    assert value is None or not reasons
