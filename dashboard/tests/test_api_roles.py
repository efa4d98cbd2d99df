"""Every route of version 1, for everybody: nobody, a Viewer, an Operator, an Engineer, an Admin.

A route or method that has no line in the table fails a test, so nobody adds one without saying who may use it.
"""

from __future__ import annotations

import itertools
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import transaction
from django.test import Client

from dashboard.api.v1.urls import urlpatterns
from dashboard.models import SavedView
from dashboard.roles import ROLES, give_role
from dashboard.tests.conftest import by_token
from validation.models import Import, Quarantined, Replay
from validation.moments import moment
from validation.tests.stored import publish_model

METHODS = ("get", "post", "put", "patch", "delete")
ALL = (401, 200, 200, 200, 200)


def from_role(role: str, code: int) -> tuple[int, ...]:
    """Return the codes where a role and those above it get this one, nobody 401, and the rest 403."""
    place = ROLES.index(role)
    return (401, *(code if position >= place else 403 for position in range(len(ROLES))))


# With an empty body, which most acts refuse with 400: the permission was there then.
TABLE: dict[tuple[str, str], tuple[int, ...]] = {
    ("v1-books", "get"): ALL,
    ("v1-books-lines", "get"): ALL,
    ("v1-books-gaps", "get"): ALL,
    ("v1-trace", "get"): from_role("Viewer", 400),
    ("v1-series", "get"): from_role("Viewer", 400),
    ("v1-series-options", "get"): ALL,
    ("v1-forecast", "get"): from_role("Viewer", 400),
    ("v1-correlation", "get"): from_role("Viewer", 400),
    ("v1-findings", "get"): ALL,
    ("v1-finding-feedback", "post"): from_role("Operator", 400),
    ("v1-watch", "get"): ALL,
    ("v1-bridges", "get"): ALL,
    ("v1-ring", "get"): ALL,
    ("v1-ring", "post"): from_role("Admin", 400),
    ("v1-buffer", "patch"): from_role("Operator", 404),
    ("v1-buffer", "delete"): from_role("Admin", 404),
    ("v1-retention", "get"): ALL,
    ("v1-views", "get"): ALL,
    ("v1-views", "post"): from_role("Viewer", 400),
    ("v1-view", "get"): ALL,
    ("v1-view", "patch"): (401, 403, 403, 403, 200),  # a view that somebody else shares
    ("v1-view", "delete"): (401, 403, 403, 403, 204),
    ("v1-workers", "get"): ALL,
    ("v1-export", "get"): from_role("Viewer", 400),
    ("v1-export-size", "get"): from_role("Viewer", 400),
    ("v1-imports", "get"): ALL,
    ("v1-imports", "post"): from_role("Operator", 400),
    ("v1-import", "get"): ALL,
    ("v1-import-stop", "post"): from_role("Operator", 409),
    ("v1-import-resume", "post"): from_role("Operator", 409),
    ("v1-import-for-real", "post"): from_role("Operator", 409),
    ("v1-models", "get"): ALL,
    ("v1-models", "post"): from_role("Engineer", 400),
    ("v1-models-import", "get"): (401, 404, 404, 404, 404),
    ("v1-models-import", "post"): from_role("Engineer", 400),
    ("v1-models-import", "put"): from_role("Engineer", 404),
    ("v1-models-import", "patch"): from_role("Engineer", 404),
    ("v1-models-import", "delete"): from_role("Engineer", 404),
    ("v1-models-from-template", "post"): from_role("Engineer", 400),
    ("v1-model", "get"): ALL,
    ("v1-model", "put"): from_role("Engineer", 400),
    ("v1-model", "patch"): from_role("Engineer", 200),
    ("v1-model", "delete"): from_role("Engineer", 409),
    ("v1-versions", "get"): ALL,
    ("v1-version", "get"): ALL,
    ("v1-changes", "get"): ALL,
    ("v1-publish", "post"): from_role("Engineer", 200),
    ("v1-withdraw", "post"): from_role("Engineer", 200),
    ("v1-resume", "post"): from_role("Engineer", 200),
    ("v1-revert", "post"): from_role("Engineer", 400),
    ("v1-try", "post"): from_role("Viewer", 400),
    ("v1-trial", "post"): from_role("Viewer", 200),
    ("v1-recent", "get"): ALL,
    ("v1-drift", "get"): ALL,
    ("v1-schema", "get"): ALL,
    ("v1-bundle", "get"): ALL,
    ("v1-templates", "get"): ALL,
    ("v1-proposals", "get"): ALL,
    ("v1-accept", "post"): from_role("Engineer", 400),
    ("v1-proposal-by-filter", "get"): (401, 400, 400, 400, 400),
    ("v1-proposal", "get"): (401, 404, 404, 404, 404),
    ("v1-quarantine", "get"): ALL,
    ("v1-groups", "get"): ALL,
    ("v1-discard", "post"): from_role("Engineer", 400),
    ("v1-record", "get"): ALL,
    ("v1-replays", "get"): ALL,
    ("v1-replays", "post"): from_role("Operator", 400),
    ("v1-replay", "get"): ALL,
    ("v1-replay-stop", "post"): from_role("Operator", 409),
    ("v1-replay-resume", "post"): from_role("Operator", 409),
}
ROUTES = {str(pattern.name): pattern for pattern in urlpatterns}
VIEWS: dict[str, Any] = {name: getattr(route.callback, "cls") for name, route in ROUTES.items()}  # noqa: B009
HAD = [(name, method) for name, view in VIEWS.items() for method in METHODS if hasattr(view, method)]


def test_the_table_has_every_route_and_no_other() -> None:
    assert sorted(TABLE) == sorted(HAD)
    assert sorted((name, method.lower()) for name, view in VIEWS.items() for method in view.needs) == sorted(HAD)


def test_a_route_is_open_to_those_it_is_for(db: None) -> None:
    people, addresses = everybody(), addresses_of_what_exists()
    found = {(name, method): tuple(code(client, method, addresses[name]) for client in people) for name, method in HAD}
    assert found == TABLE


def test_a_method_that_a_route_does_not_have_is_405_for_those_signed_in(as_charlie: Client) -> None:
    assert as_charlie.put("/api/v1/models").status_code == 405
    assert as_charlie.options("/api/v1/models").status_code == 200


def test_each_role_may_do_what_those_before_it_may(db: None) -> None:
    may = [set(Group.objects.get(name=role).permissions.all()) for role in ROLES]
    for less, more in itertools.pairwise(may):
        assert less < more


def test_an_engineer_in_the_admin_may_do_what_the_api_allows(erin: User) -> None:
    assert not erin.is_staff
    erin.is_staff = True
    erin.save()
    client = Client()
    client.force_login(erin)
    assert client.get("/admin/validation/datamodel/add/").status_code == 200
    assert client.get("/admin/auth/user/").status_code == 403


def everybody() -> list[Client]:
    people = []
    for role in ROLES:
        user = User.objects.create_user(role.lower())
        give_role(user, role)
        people.append(by_token(user))
    return [Client(), *people]


def addresses_of_what_exists() -> dict[str, str]:
    """Return the address of each route, where all that it names exists."""
    publish_model()
    record = Quarantined.objects.create(
        received_at=moment(1_772_366_400_000_000), topic="x", payload=b"{", reasons=[], position=0
    )
    replay = Replay.objects.create(selection={}, state=Replay.State.DONE)
    owner = User.objects.create_user("somebody")
    view = SavedView.objects.create(owner=owner, name="x", query="", shared=True)
    run = Import.objects.create(model="van", form="csv", name="van.csv", state=Import.State.DONE)
    numbers = {"v1-record": record.pk, "v1-version": 1, "v1-view": view.pk}
    numbers |= {name: run.pk for name in ROUTES if "v1-import" in name}
    return {
        name: "/api/v1/"
        + str(route.pattern)
        .replace("<str:name>", "van")
        .replace("<int:number>", str(numbers.get(name, replay.pk)))
        .replace("<str:key>", "e30")
        for name, route in ROUTES.items()
    }


def code(client: Client, method: str, address: str) -> int:
    """Return the status that a client gets, and undo what it has done."""
    call: Any = getattr(client, method)
    with transaction.atomic():
        response = call(address) if method == "get" else call(address, {}, content_type="application/json")
        transaction.set_rollback(True)
    assert response.status_code < 400 or response.json().keys() == {"type", "errors"}
    found: int = response.status_code
    return found
