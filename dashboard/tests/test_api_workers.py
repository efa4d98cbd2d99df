"""Workers over the API and in the admin: who does what, which queue moves, and what is wrong in words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from django.conf import settings
from django.contrib.auth.models import User
from django.test import Client

from dashboard.roles import give_role
from dataflow.models import ScheduledJob
from validation import tasks, vitals
from validation.vitals import SCHEDULERS, WORKERS, Vitals

PAGE = "/admin/dataflow/scheduledjob/"


@pytest.fixture
def queue(db: None) -> Iterator[redis.Redis]:
    """The queue, with a worker, a scheduler and a canary."""
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.flushdb()
        busy = Vitals(settings.REDIS_URL, WORKERS, "worker-0@<ship>")
        busy.task_begins("validation.drain")
        busy.round()
        scheduler = Vitals(settings.REDIS_URL, SCHEDULERS, "scheduler@ship")
        scheduler.round()
        tasks.canary("celery")
        values = {"every_s": 3, "slot": 1, "holder": scheduler.sign.id, "taken_at": "2026-01-01T00:00:00Z"}
        ScheduledJob.objects.create(name="sweep the buffers", **values)
        yield client
        client.flushdb()


@pytest.fixture
def vera(db: None) -> Client:
    """Vera may look, also in the admin."""
    user = User.objects.create_user("vera", is_staff=True)
    give_role(user, "Viewer")
    client = Client()
    client.force_login(user)
    return client


def test_programs_learn_who_works_and_what_moves(queue: redis.Redis, vera: Client) -> None:
    answer = vera.get("/api/v1/workers").json()
    (worker,), (found,), (scheduler,), (job,) = (answer[key] for key in ("results", "queues", "schedulers", "jobs"))
    assert (worker["name"], worker["task"], worker["alive"]) == ("worker-0@<ship>", "validation.drain", True)
    assert (found["name"], found["moves"], found["waiting"]) == ("celery", True, 0)
    assert scheduler["alive"]
    assert (job["name"], job["every_s"], job["scheduler"]) == ("sweep the buffers", 3.0, "scheduler@ship")
    (problem,) = answer["problems"]
    assert "'sweep the buffers' is due every 3 s and was sent" in problem


def test_the_document_of_the_api_describes_the_answer(queue: redis.Redis, vera: Client) -> None:
    described = vera.get("/api/schema?format=json").json()["components"]["schemas"]
    answer = vera.get("/api/v1/workers").json()
    assert sorted(described["WorkerListing"]["properties"]) == sorted(answer)
    assert sorted(described["ProcessRow"]["properties"]) == sorted(answer["results"][0])
    assert sorted(described["QueueRow"]["properties"]) == sorted(answer["queues"][0])
    assert sorted(described["JobRow"]["properties"]) == sorted(answer["jobs"][0])


def test_the_page_shows_the_same_and_escapes_what_processes_say_of_themselves(queue: redis.Redis, vera: Client) -> None:
    for address in (PAGE, f"{PAGE}?part=1"):
        page = vera.get(address).content.decode()
        assert "worker-0@&lt;ship&gt;" in page
        assert "validation.drain" in page
        assert "moves" in page
        assert "sweep the buffers" in page
    assert "<html" not in page


def test_without_any_worker_the_page_says_how_to_start_one(queue: redis.Redis, vera: Client) -> None:
    queue.flushdb()
    page = vera.get(PAGE).content.decode()
    assert "No worker has run yet" in page
    assert "No worker runs, so what comes in waits in the buffers." in page
    assert "celery -A dataflow beat -S dataflow.scheduler.SlotScheduler" in page


def test_a_queue_that_stands_is_named_and_makes_no_site_unready(
    queue: redis.Redis, vera: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert vera.get("/readyz").json()["attention"] == []
    monkeypatch.setattr("validation.workers.STUCK_S", 0.0)
    answer = vera.get("/readyz")
    assert answer.status_code == 200
    (sentence,) = answer.json()["attention"]
    assert "The queue celery has not moved for" in sentence
    assert sentence in vera.get("/api/v1/workers").json()["problems"]


def test_when_the_queue_is_away_that_is_said(vera: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    vera.raise_request_exception = False
    monkeypatch.setattr(vitals, "connect", lambda url: redis.Redis.from_url("redis://127.0.0.1:1/0"))
    assert vera.get("/api/v1/workers").status_code == 503
    assert b"The Redis that holds the queue does not answer" in vera.get(PAGE).content


def test_who_may_not_see_them_is_refused_and_nobody_changes_them(queue: redis.Redis, alice: User) -> None:
    stan = Client()
    stan.force_login(User.objects.create_user("stan", is_staff=True))
    assert stan.get(PAGE).status_code == 403
    assert stan.get("/api/v1/workers").status_code == 403
    admin = Client()
    admin.force_login(alice)
    assert admin.get(PAGE).status_code == 200
    assert admin.get(f"{PAGE}add/").status_code == 403
    assert admin.post(PAGE, {"action": "delete_selected", "_selected_action": ["sweep the buffers"]}).status_code == 405
    assert ScheduledJob.objects.count() == 1
