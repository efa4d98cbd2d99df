"""One leader at a time, and none that was deposed writes anything."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import psycopg
import pytest
from django.db import connection

from ingest import leader
from ingest.leader import Candidate, Deposed, Leadership, fenced, leading
from ingest.models import Device, Leader

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def pair() -> Iterator[tuple[Candidate, Candidate]]:
    """Two candidates whose lead ends after half a second without a sign of life."""
    candidates = Candidate("matter", "one", idle_s=0.5), Candidate("matter", "two", idle_s=0.5)
    yield candidates
    for candidate in candidates:
        candidate.resign()


def lead(candidate: Candidate) -> Leadership:
    """Lead as soon as nobody else does."""
    deadline = time.monotonic() + 10
    while True:
        found = candidate.lead()
        if found is not None:
            return found
        assert time.monotonic() < deadline, "it did not become the leader"
        time.sleep(0.02)


def write(leadership: Leadership, name: str) -> None:
    with fenced(leadership):
        Device.objects.create(name=name)


def names() -> set[str]:
    return set(Device.objects.values_list("name", flat=True))


def test_one_leads_until_it_resigns_and_each_leader_has_a_higher_epoch(pair: tuple[Candidate, Candidate]) -> None:
    one, two = pair
    assert one.lead() == one.lead() == Leadership("matter", 1)
    assert two.lead() is None
    assert Candidate("another matter").lead() is not None
    one.resign()
    assert lead(two) == Leadership("matter", 2)
    assert one.lead() is None
    assert Leader.objects.get(name="matter").holder == "two"


def test_a_leader_that_stands_still_is_replaced_and_then_its_writes_change_nothing(
    pair: tuple[Candidate, Candidate],
) -> None:
    one, two = pair
    old = lead(one)
    write(old, "in-office")
    new = lead(two)  # once the server has ended the session that was idle
    write(new, "successor")
    with pytest.raises(Deposed, match="epoch 1 is over, 2 is now"):
        write(old, "late")
    with pytest.raises((Deposed, psycopg.Error)), one.fenced(old) as cursor:
        cursor.execute("DELETE FROM ingest_device")
    assert one.lead() is None
    assert names() == {"in-office", "successor"}


def test_a_leader_whose_connection_breaks_leads_no_more(pair: tuple[Candidate, Candidate]) -> None:
    one, _ = pair
    lead(one)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'leader matter'"
        )
    with pytest.raises(psycopg.Error):
        one.lead()
    assert lead(one).epoch == 2


def test_nobody_becomes_the_leader_in_the_middle_of_a_fenced_write(pair: tuple[Candidate, Candidate]) -> None:
    one, two = pair
    old, order = lead(one), list[str]()

    def take_over() -> None:
        one.resign()
        lead(two)
        order.append("leads")

    with fenced(old):
        thread = threading.Thread(target=take_over)
        thread.start()
        time.sleep(0.3)
        order.append("writes")
        Device.objects.create(name="in-time")
    thread.join()
    assert order == ["writes", "leads"]
    assert names() == {"in-time"}


def test_a_leader_that_stands_still_in_the_middle_of_a_write_keeps_nobody_from_leading(
    pair: tuple[Candidate, Candidate], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leader, "STALL_S", 0.3)
    one, two = pair
    old = lead(one)
    with pytest.raises(psycopg.Error), one.fenced(old) as cursor:  # noqa: PT012
        cursor.execute("INSERT INTO ingest_device (name, first_seen_at) VALUES ('late', now())")
        assert lead(two).epoch == 2
        cursor.execute("SELECT 1")
    assert names() == set()


def test_work_that_must_be_done_once_is_done_by_one_of_two(pair: tuple[Candidate, Candidate]) -> None:
    with leading("tidy", "one") as first, leading("tidy", "two") as second:
        assert first == Leadership("tidy", 1)
        assert second is None
        write(first, "tidied")
    with leading("tidy") as third:
        assert third == Leadership("tidy", 2)
    with pytest.raises(Deposed):
        write(first, "late")
    assert names() == {"tidied"}
