"""Who is who in the ring: found again under new addresses, kept as people left it, noticed when it lost its data."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import connection, transaction
from hypothesis import given
from hypothesis import strategies as st

from ingest.membership import ACTIVE, DRAINING, LOST, REMOVED, Known, bring_up_to_date, matched
from ingest.models import Buffer, WrittenOff

SETTINGS, ADDED = Buffer.Origin.SETTINGS, Buffer.Origin.ADDED
ONE = Known(1, "a" * 12, "redis://one", SETTINGS, ACTIVE, 1)
TWO = Known(2, "b" * 12, "redis://two", SETTINGS, DRAINING, 3)


def test_a_server_at_an_address_of_the_settings_is_a_member_under_its_identity() -> None:
    found = matched([], ["redis://one", "redis://two"], {"redis://one": "a" * 12, "redis://two": None})
    assert found == [replace(ONE, id=None), Known(None, None, "redis://two", SETTINGS, ACTIVE, 1)]


def test_a_buffer_is_found_again_under_another_address_and_stays_what_it_was() -> None:
    # As after a start of the embedded servers, where one got the port that the other had.
    found = matched([ONE, TWO], ["redis://two", "redis://new"], {"redis://two": "a" * 12, "redis://new": "b" * 12})
    assert found == [replace(ONE, url="redis://two"), replace(TWO, url="redis://new")]


def test_a_buffer_that_does_not_answer_keeps_its_address() -> None:
    assert matched([ONE, TWO], ["redis://one"], {"redis://one": None, "redis://two": None}) == [ONE, TWO]


def test_one_that_was_removed_stays_so_although_the_settings_name_it() -> None:
    gone = replace(ONE, state=REMOVED)
    assert matched([gone], ["redis://one"], {"redis://one": "a" * 12}) == [gone]


def test_one_that_was_not_asked_before_gets_its_identity_and_keeps_its_key() -> None:
    unknown = Known(7, None, "redis://one", SETTINGS, DRAINING, 4)
    assert matched([unknown], ["redis://one"], {"redis://one": "c" * 12}) == [replace(unknown, identity="c" * 12)]
    elsewhere = replace(unknown, url="redis://gone")
    assert matched([elsewhere, ONE], ["redis://one"], {"redis://one": "a" * 12}) == [ONE], "a port of an earlier start"


def test_a_wiped_server_is_another_buffer_in_the_same_place_and_the_former_one_is_lost() -> None:
    found = matched([ONE, TWO], ["redis://one"], {"redis://one": "a" * 12, "redis://two": "c" * 12})
    lost, new = replace(TWO, url="", state=LOST), Known(None, "c" * 12, "redis://two", SETTINGS, DRAINING, 3)
    assert found == [ONE, lost, new], "it was draining, so the new one is not used either"


def test_one_whose_address_a_known_one_has_taken_is_not_lost() -> None:
    found = matched([ONE, TWO], ["redis://two"], {"redis://two": "a" * 12})
    assert found == [replace(ONE, url="redis://two"), replace(TWO, url="")]


@pytest.mark.parametrize(
    "gone",
    [replace(ONE, state=LOST, url=""), replace(ONE, state=REMOVED, written_off=True)],
    ids=["lost", "written off"],
)
def test_one_that_is_back_with_its_data_is_drained(gone: Known) -> None:
    assert matched([gone], ["redis://new"], {"redis://new": "a" * 12}) == [
        replace(ONE, url="redis://new", state=DRAINING)
    ]


def test_two_addresses_of_one_server_are_one_member_under_the_address_it_has() -> None:
    found = {"redis://alias": "a" * 12, "redis://one": "a" * 12}
    assert matched([ONE], list(found), found)[0] == ONE


urls = st.sampled_from([f"redis://{n}" for n in range(4)])
identities = st.sampled_from(["a" * 12, "b" * 12, "c" * 12])


@given(st.lists(st.dictionaries(urls, st.none() | identities, max_size=4), max_size=6), st.lists(urls, max_size=3))
def test_whatever_answers_where_each_identity_is_one_member_and_no_answer_changes_nothing(
    answers: list[dict[str, str | None]], seeds: list[str]
) -> None:
    rows: list[Known] = []
    for found in answers:
        rows = matched(rows, seeds, {**dict.fromkeys(seeds), **found})
        rows = [replace(row, id=number) for number, row in enumerate(rows)]
        known = [row.identity for row in rows if row.identity]
        assert len(known) == len(set(known))
        assert {identity for identity in found.values() if identity} <= set(known)
        assert matched(rows, seeds, {}) == rows, "without an answer nothing changes"


@pytest.mark.django_db(transaction=True)
def test_the_members_are_written_down_once_and_a_return_takes_the_loss_back() -> None:
    def write(found: dict[str, str | None]) -> bool:
        with transaction.atomic(), connection.cursor() as cursor:
            return bring_up_to_date(cursor, ["redis://one"], found)

    assert write({"redis://one": "a" * 12})
    assert not write({"redis://one": "a" * 12})
    assert write({"redis://one": "c" * 12})
    lost, new = Buffer.objects.all()
    assert (lost.state, lost.url, new.state, new.identity) == (LOST, "", ACTIVE, "c" * 12)
    lost.state, lost.written_off_at = REMOVED, lost.since
    lost.save()
    WrittenOff.objects.create(buffer="a" * 12, minute=1, uncounted=2, lost=2)
    assert write({"redis://one": "c" * 12, "redis://two": "a" * 12})
    back = Buffer.objects.get(identity="a" * 12)
    assert (back.state, back.url, back.written_off_at) == (DRAINING, "redis://two", None)
    assert not WrittenOff.objects.exists()
