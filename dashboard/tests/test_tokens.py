"""`manage.py create_token`, and the roles."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.db import OperationalError
from django.test import Client

from dashboard.management.commands import create_token
from dashboard.roles import ROLES

pytestmark = pytest.mark.django_db


def create(*arguments: str) -> tuple[str, str]:
    out, err = io.StringIO(), io.StringIO()
    call_command("create_token", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_the_token_alone_goes_to_standard_output_and_opens_the_api(charlie: User) -> None:
    out, err = create("--user", "charlie")
    token = out.removesuffix("\n")
    assert token.isalnum()
    assert token not in err
    assert Client(headers={"Authorization": f"Token {token}"}).get("/api/devices/status").status_code == 200


def test_a_user_that_does_not_exist_is_made_without_a_password() -> None:
    _, err = create("--user", "gateway", "--role", "operator")
    user = User.objects.get(username="gateway")
    assert not user.has_usable_password()
    assert not user.is_staff
    assert user.has_perm("ingest.publish")
    assert "Made the user gateway" in err


def test_a_new_user_is_a_viewer_unless_a_role_is_named() -> None:
    create("--user", "grafana")
    user = User.objects.get(username="grafana")
    assert [group.name for group in user.groups.all()] == ["Viewer"]
    assert not user.has_perm("ingest.publish")


def test_a_role_takes_the_place_of_the_one_before_and_leaves_other_groups(charlie: User) -> None:
    charlie.groups.add(Group.objects.create(name="Night shift"))
    create("--user", "charlie", "--role", "Engineer")
    assert {group.name for group in charlie.groups.all()} == {"Night shift", "Engineer"}
    create("--user", "charlie")
    assert {group.name for group in charlie.groups.all()} == {"Night shift", "Engineer"}


def test_all_roles_from_operator_on_may_publish() -> None:
    may = {group.name for group in Group.objects.filter(permissions__codename="publish")}
    assert {group.name for group in Group.objects.all()} >= set(ROLES)
    assert may == {"Operator", "Engineer", "Admin"}


@pytest.mark.parametrize("arguments", [[], ["--user", "a", "--role", "King"], ["--user", "a b"], ["--user", ""]])
def test_wrong_usage_ends_with_2_and_makes_nothing(arguments: list[str]) -> None:
    with pytest.raises((CommandError, SystemExit)) as caught:
        call_command("create_token", *arguments)
    if isinstance(caught.value, CommandError) and "Error:" not in str(caught.value):
        assert caught.value.returncode == 2
    assert not User.objects.exists()


def test_a_user_who_is_not_active_gets_no_token(charlie: User) -> None:
    User.objects.update(is_active=False)
    with pytest.raises(CommandError, match="not active") as caught:
        create("--user", "charlie")
    assert caught.value.returncode == 1


def test_a_database_that_is_away_ends_with_3(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any) -> None:
        raise OperationalError("connection refused")

    monkeypatch.setattr(create_token.Command, "_owner", fail)
    with pytest.raises(CommandError) as caught:
        create("--user", "charlie")
    assert caught.value.returncode == 3
