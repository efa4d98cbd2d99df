"""The first administrator: made once, and the generated password forgotten once it is another."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from pytest_django import Settings

pytestmark = pytest.mark.django_db


@pytest.fixture
def password_file(tmp_path: Path, settings: Settings) -> Path:
    settings.DATA_DIR = tmp_path
    return tmp_path / "admin-password"


def test_the_first_administrator_gets_a_password_of_their_own(password_file: Path) -> None:
    call_command("first_admin")
    admin = User.objects.get()
    assert (admin.username, admin.is_superuser) == ("admin", True)
    assert admin.check_password(password_file.read_text().strip())
    assert password_file.stat().st_mode & 0o777 == 0o600
    assert password_file.read_text().strip() not in admin.password


def test_a_second_call_changes_nothing(password_file: Path) -> None:
    call_command("first_admin")
    first = password_file.read_text()
    call_command("first_admin")
    assert password_file.read_text() == first
    assert User.objects.count() == 1


def test_a_changed_password_is_not_shown_any_more(password_file: Path) -> None:
    call_command("first_admin")
    admin = User.objects.get()
    admin.set_password("chosen by hand")
    admin.save()
    call_command("first_admin")
    assert not password_file.exists()
    assert User.objects.get().check_password("chosen by hand")


def test_nobody_is_made_where_somebody_administers_already(password_file: Path) -> None:
    User.objects.create_superuser("alice", password="secret of alice")
    call_command("first_admin")
    assert [user.username for user in User.objects.all()] == ["alice"]
    assert not password_file.exists()
