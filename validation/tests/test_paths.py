"""Places in a payload, as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from validation.paths import MAX_LEVELS, Taken, fault_of_path, parts, pointer, text_of


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("speed", ("speed",)),
        ("gps.lat", ("gps", "lat")),
        ("/gps/lat", ("gps", "lat")),
        ("/a.b/c", ("a.b", "c")),
        ("/a~1b~0c/~01", ("a/b~c", "~1")),
        ("Zeit ü/~", ("Zeit ü/~",)),
        ("0.1", ("0", "1")),
    ],
)
def test_a_path_names_keys_with_dots_or_as_a_pointer(path: str, keys: tuple[str, ...]) -> None:
    assert parts(path) == keys
    assert fault_of_path(path) is None


@given(st.lists(st.text("ab./~é ", min_size=1, max_size=4), min_size=1, max_size=4).map(tuple))
def test_every_place_has_a_path_that_leads_back_to_it(keys: tuple[str, ...]) -> None:
    assert parts(text_of(keys)) == keys
    assert parts(pointer(*keys)) == keys


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", "1 to 63 characters"),
        ("/", "1 to 63 characters"),
        ("gps.", "1 to 63 characters"),
        ("a..b", "1 to 63 characters"),
        ("a" * 64, "1 to 63 characters"),
        ('a"b', "without quotes"),
        ("a\\b", "without quotes"),
        ("a\nb", "line breaks"),
        ("/a~b", "followed by 0"),
        ("/a~", "followed by 0"),
        (".".join("a" * (MAX_LEVELS + 1)), "9 levels deep"),
        ("a\u200bb", "nobody can see"),
        ("a\u202eb", "nobody can see"),
        ("\ud800", "nobody can see"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused_in_words(path: str, words: str) -> None:
    fault = fault_of_path(path)
    assert fault is not None
    assert words in fault
    fault.encode()


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ("gps.lat", "/gps/lat", "used twice"),
        ("gps", "gps.lat", "'gps' would be both a value and an object"),
        ("gps.lat", "gps", "'gps' would be both a value and an object"),
        ("a.b", "a.b.c.d", "'a.b' would be both a value and an object"),
        ("gps.lat", "gps.lon", None),
        ("gps.lat", "/gps.lat", None),
    ],
)
def test_two_paths_that_cannot_both_be_are_refused(first: str, second: str, words: str | None) -> None:
    taken = Taken()
    assert taken.take(first) is None
    fault = taken.take(second)
    assert fault is None if words is None else words in (fault or "")
