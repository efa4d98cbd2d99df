"""Any payloads and topics, hostile ones too: a proposal is sound, in time, and lets through what it rests on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validation.propose import Message, Sighting, clusters, propose
from validation.spec import faults_of_limits, faults_of_names
from validation.tests.proposing import NOW, TOPIC, rejected


def deep(levels: int) -> Any:
    return {"a": deep(levels - 1)} if levels else 1


def odd_keys() -> dict[str, int]:
    """Return keys of which hardly anything is left as a name."""
    return {"_" * (n + 1): n for n in range(62)} | {"é" + " " * n: n for n in range(60)}


# Payloads that try to break or to slow a proposal, many of each kind.
HOSTILE: dict[str, Callable[[], list[bytes]]] = {
    "depth": lambda: [orjson.dumps(deep(90))] * 2_000,
    "far deeper": lambda: [b'{"a":' * 5_000] * 500,
    "keys": lambda: [orjson.dumps({f"k{n}_{m}": m for m in range(900)}) for n in range(300)],
    "wide and deep": lambda: [orjson.dumps({f"a{n}": {f"b{m}": {"c": 1} for m in range(30)} for n in range(30)})] * 300,
    "long keys": lambda: [orjson.dumps({"k" * 60 + str(n) + "é": n for n in range(150)})] * 1_000,
    "same name": lambda: [orjson.dumps(odd_keys())] * 900,
    "arrays": lambda: [orjson.dumps([{"a": n} for n in range(1_500)])] * 500,
    "texts": lambda: [orjson.dumps({"a": f"{n}" * 3_000}) for n in range(1_000)],
    "no JSON": lambda: [b"\xff\xfe" * 4_000] * 2_000,
    "numbers": lambda: [b'{"a": 1e308, "b": -1e308, "c": 18446744073709551615, "d": 5e-324}'] * 2_000,
    "large": lambda: [b'{"a": "' + b"x" * 200_000 + b'"}'] * 2_000,
}


@pytest.mark.parametrize("kind", sorted(HOSTILE))
def test_hostile_payloads_neither_break_nor_slow_a_proposal(kind: str) -> None:
    messages = [Message(f"plant/p{n % 7}/data", payload, NOW) for n, payload in enumerate(HOSTILE[kind]())]
    started = time.process_time()
    spec = propose(messages).spec
    took = time.process_time() - started
    assert len(spec.fields) <= 500
    assert faults_of_names(spec) + faults_of_limits(spec) == []
    assert took < 2.0


def test_hostile_topics_are_grouped_in_time() -> None:
    topics = ["/" * 200, "", "+", "é/ /\t", "a" * 60_000] + [f"{'x/' * (n % 90)}{n}" for n in range(995)]
    started = time.process_time()
    found = clusters(Sighting(topic, frozenset({f"k{n % 3}"})) for n, topic in enumerate(topics))
    assert sum(len(topics) for _, topics in found) == 1_000
    assert time.process_time() - started < 2.0


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abclatlon"), inner, max_size=4),
    max_leaves=8,
)


@settings(max_examples=60)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(["a", "b", "lat", "lon", "ts", "seq"]), JSON_VALUES), min_size=1, max_size=6
    )
)
def test_all_objects_pass_the_model_that_is_proposed_for_them(payloads: list[dict[str, Any]]) -> None:
    messages = [Message(TOPIC, json.dumps(payload).encode(), NOW) for payload in payloads]
    assert rejected(propose(messages).spec, messages) == []


@settings(max_examples=60)
@given(st.lists(st.text(max_size=30), max_size=8, unique=True))
def test_any_keys_give_a_model_that_can_be_published(keys: list[str]) -> None:
    messages = [Message(TOPIC, orjson.dumps(dict.fromkeys(keys, 1.5)), NOW)] * 3
    spec = propose(messages).spec
    assert faults_of_names(spec) + faults_of_limits(spec) == []
    if spec.fields:
        assert rejected(spec, messages) == []
