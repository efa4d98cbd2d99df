"""Leases in PostgreSQL: who gets which slot, and when somebody else may have it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from math import ceil
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.db.models.functions import Now
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest import slots
from ingest.models import BridgeProcess, BridgeSlot
from ingest.processes import ThisProcess, born, is_gone
from ingest.slots import Answer, Returned, fair_shares

LEASE_S = 10.0


class Office:
    """The database as bridges ask it, in the test's own transaction."""

    def __init__(self, cursor: Any) -> None:
        self.cursor = cursor
        slots.arrange(cursor, {f"s{number}": number for number in range(8)})

    def attend(self, bridge: ThisProcess, *returned: Returned, **options: Any) -> Answer:
        return slots.attend(self.cursor, bridge, LEASE_S, returned=returned, **options)

    def settle(self, *bridges: ThisProcess, **options: Any) -> list[int]:
        """Let bridges come by until nobody has too much; return how many slots each holds."""
        answers: dict[str, Answer] = {}
        for bridge in [*bridges] * 3:
            answer = self.attend(bridge, **options)
            if answer.surplus:
                answer = self.attend(bridge, *map(Returned, answer.surplus), **options)
            answers[bridge.id] = answer
        return [len(answers[bridge.id].leases) for bridge in bridges]

    def expire(self, bridge: ThisProcess) -> None:
        """Let the time of a bridge pass without a sign of life."""
        past = Now() - timedelta(seconds=1)
        BridgeProcess.objects.filter(id=bridge.id).update(expires_at=past)
        BridgeSlot.objects.filter(bridge=bridge.id).update(expires_at=past)


@pytest.fixture
def office(db: None) -> Iterator[Office]:
    with connection.cursor() as cursor:
        yield Office(cursor.cursor)


def bridge(name: str = "bridge") -> ThisProcess:
    return ThisProcess(name, machine="")


@given(st.integers(0, 64), st.lists(st.none() | st.integers(0, 20), min_size=1, max_size=8))
@settings(max_examples=100)
def test_shares_are_fair_and_nobody_gets_more_than_it_may(count: int, limits: list[int | None]) -> None:
    shares = fair_shares(count, limits)
    assert sum(shares) == min(count, sum(count if limit is None else limit for limit in limits))
    assert all(limit is None or share <= limit for share, limit in zip(shares, limits, strict=True))
    unlimited = [share for share, limit in zip(shares, limits, strict=True) if limit is None or share < limit]
    assert all(max(shares) - share <= 1 for share in unlimited)
    if all(limit is None for limit in limits):
        assert max(shares) <= ceil(count / len(limits))


def test_a_bridge_alone_takes_all_slots_and_keeps_them(office: Office) -> None:
    one = bridge()
    first, second = office.attend(one), office.attend(one)
    assert [lease.number for lease in first.leases] == list(range(8))
    assert sorted(second.leases) == sorted(first.leases)
    assert (first.slots, first.living, first.surplus) == (8, 1, [])


def test_who_joins_gets_its_share_as_soon_as_the_others_have_given_it_back(office: Office) -> None:
    one, two, three = bridge("one"), bridge("two"), bridge("three")
    office.attend(one)
    assert office.attend(two).leases == [], "nobody is robbed"
    surplus = office.attend(one).surplus
    assert [lease.number for lease in surplus] == [4, 5, 6, 7]
    office.attend(one, *map(Returned, surplus))
    taken = office.attend(two).leases
    assert {lease.client_id for lease in taken} == {lease.client_id for lease in surplus}
    assert {lease.epoch for lease in taken} == {2}
    assert sorted(office.settle(one, two, three)) == [2, 3, 3]


def test_a_limit_is_kept_and_the_others_have_the_rest(office: Office) -> None:
    small, large = bridge("small"), bridge("large")
    assert len(office.attend(small, at_most=2).leases) == 2
    assert len(office.attend(large).leases) == 6


def test_only_a_lease_that_has_run_out_is_taken_and_then_the_former_holder_has_nothing(office: Office) -> None:
    one, two = bridge("one"), bridge("two")
    before = office.attend(one).leases
    office.expire(one)
    assert office.attend(two, patient=True).leases == [], "the other may be about to come back"
    assert {lease.epoch for lease in office.attend(two).leases} == {2}
    assert office.attend(one).leases == []
    office.attend(one, *map(Returned, before))
    assert BridgeSlot.objects.filter(bridge=two.id).count() == 8, "what belongs to an earlier epoch frees nothing"


def test_a_lease_that_has_run_out_and_that_nobody_took_is_renewed(office: Office) -> None:
    one = bridge()
    before = office.attend(one).leases
    office.expire(one)
    assert sorted(office.attend(one).leases) == sorted(before)


def test_what_a_dead_process_of_the_same_machine_held_is_free_at_once(office: Office) -> None:
    with subprocess.Popen(["sleep", "60"]) as sleeper:
        other = ThisProcess("other", pid=sleeper.pid, machine="here", born=born(sleeper.pid) or 0)
        office.attend(other)
        me, elsewhere = ThisProcess("me", machine="here"), ThisProcess("elsewhere", machine="there")
        assert office.attend(me).leases == [], "it lives"
        sleeper.kill()
    assert office.attend(elsewhere).leases == [], "another machine cannot know"
    assert len(office.attend(me, patient=True).leases) == 4


def test_a_process_is_told_from_a_later_one_with_the_same_number() -> None:
    me = ThisProcess("me")
    assert not is_gone(me.pid, me.born)
    assert is_gone(me.pid, me.born - 1)
    assert me.pid == os.getpid()


def test_a_bridge_that_is_not_fit_gets_nothing_as_long_as_another_one_is(office: Office) -> None:
    one, two = bridge("one"), bridge("two")
    assert office.settle(one, two) == [4, 4]
    surplus = office.attend(one, fit=False).surplus
    assert len(surplus) == 4
    office.attend(one, *map(Returned, surplus), fit=False)
    assert len(office.attend(two).leases) == 8

    assert office.settle(one, two, fit=False) == [4, 4], "when nobody is, all are alike"


def test_slots_that_are_not_wanted_any_more_retire_and_are_gone_once_they_have_ended(office: Office) -> None:
    one, two = bridge("one"), bridge("two")
    office.attend(one)
    assert slots.arrange(office.cursor, {"s0": 0, "s1": 1})
    assert not slots.arrange(office.cursor, {"s0": 0, "s1": 1}), "nothing more to do"
    answer = office.attend(one)
    retiring = [lease for lease in answer.leases if lease.retiring]
    assert (answer.slots, len(retiring), answer.surplus) == (2, 6, [])
    office.attend(one, *(Returned(lease, ended=True) for lease in retiring[1:]))
    assert BridgeSlot.objects.count() == 3
    slots.leave(office.cursor, one)
    taken = [lease for lease in office.attend(two).leases if lease.retiring]
    assert [lease.client_id for lease in taken] == [retiring[0].client_id], "whoever is there first"
    slots.arrange(office.cursor, {"s0": 0, "s1": 1, taken[0].client_id: 2})
    office.attend(two, Returned(taken[0], ended=True))
    assert BridgeSlot.objects.count() == 3, "one that is wanted again does not go"


def test_whoever_leaves_frees_everything_and_is_forgotten(office: Office) -> None:
    one, two = bridge("one"), bridge("two")
    office.attend(one)
    slots.leave(office.cursor, one)
    assert len(office.attend(two).leases) == 8
    assert [process.id for process in BridgeProcess.objects.all()] == [two.id]


def test_a_dead_bridge_is_forgotten_after_a_day_but_not_while_slots_are_leased_to_it(office: Office) -> None:
    one, two = bridge("one"), bridge("two")
    office.settle(one, two)
    for dead in (one, two):
        office.expire(dead)
    BridgeProcess.objects.update(expires_at=F("expires_at") - timedelta(hours=23))
    assert slots.forget(office.cursor) == 0
    BridgeProcess.objects.update(expires_at=F("expires_at") - timedelta(hours=2))
    BridgeSlot.objects.filter(bridge=one.id).update(bridge=None)
    assert slots.forget(office.cursor) == 1
    assert BridgeProcess.objects.get().id == two.id


def test_a_bridge_learns_when_the_next_one_will_count_as_dead(office: Office) -> None:
    one, two = bridge("one"), bridge("two")
    assert office.attend(one).look_again_s is None
    assert office.attend(two).look_again_s == pytest.approx(LEASE_S, abs=0.5)


def test_who_takes_a_slot_learns_when_it_was_connected_last_and_whoever_looks_since_when_it_is_vacant(
    office: Office,
) -> None:
    one, two = bridge("one"), bridge("two")
    assert set(office.attend(one).connected_at.values()) == {None}
    office.attend(one, connected=["s3"], dropped=7)
    assert BridgeProcess.objects.get(id=one.id).dropped == 7
    slots.leave(office.cursor, one)
    assert not BridgeSlot.objects.filter(expires_at=None).exists()
    taken = office.attend(two).connected_at
    assert [client_id for client_id, at in taken.items() if at] == ["s3"]
