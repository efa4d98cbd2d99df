"""The cast: Alice may do all, Erin is an engineer, Bob an operator, Charlie may look, and a stranger is nobody yet."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, User
from django.core.cache import cache
from django.test import Client
from knox.models import AuthToken

from dashboard.roles import give_role

PASSWORD = "correct horse battery staple"
MIGRATIONS = Path(__file__).parents[1] / "migrations"


@pytest.fixture(autouse=True)
def _quick_passwords(settings: Any) -> None:
    """Hash passwords cheaply; that they are hashed well is Django's own test."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _roles_have_their_permissions(request: pytest.FixtureRequest) -> None:
    """Give the roles what a migration gave them; a test with real transactions, of any file, leaves empty tables."""
    marked = request.node.get_closest_marker("django_db") is not None
    used = [name for name in ("transactional_db", "db") if name in request.fixturenames]
    if not used and not marked:
        return
    if used:
        request.getfixturevalue(used[0])
    if not Group.objects.filter(name="Engineer", permissions__codename="discard").exists():
        for name in sorted(path.stem for path in MIGRATIONS.glob("0*.py")):
            migration = import_module(f"dashboard.migrations.{name}")
            for give in ("give_permissions", "let_them_see"):
                if hasattr(migration, give):
                    getattr(migration, give)(apps, None)


@pytest.fixture
def alice(db: None) -> User:
    user: User = get_user_model().objects.create_superuser("alice", password=PASSWORD)
    return user


@pytest.fixture
def bob(db: None) -> User:
    user = User.objects.create_user("bob", password=PASSWORD)
    give_role(user, "Operator")
    return user


@pytest.fixture
def erin(db: None) -> User:
    user = User.objects.create_user("erin", password=PASSWORD)
    give_role(user, "Engineer")
    return user


@pytest.fixture
def charlie(db: None) -> User:
    user = User.objects.create_user("charlie", password=PASSWORD)
    give_role(user, "Viewer")
    return user


@pytest.fixture
def stranger() -> Client:
    """Return a browser in which nobody is signed in, and which checks CSRF as a real one would."""
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def as_alice(alice: User) -> Client:
    return by_token(alice)


@pytest.fixture
def as_bob(bob: User) -> Client:
    return by_token(bob)


@pytest.fixture
def as_erin(erin: User) -> Client:
    return by_token(erin)


@pytest.fixture
def as_charlie(charlie: User) -> Client:
    return by_token(charlie)


@pytest.fixture(autouse=True)
def _forgetful_cache() -> None:
    """Forget wrong guesses of the test before."""
    cache.clear()


def by_token(user: User) -> Client:
    """Return a program that sends a token of its own."""
    _, token = AuthToken.objects.create(user)
    return Client(enforce_csrf_checks=True, headers={"Authorization": f"Token {token}"})
