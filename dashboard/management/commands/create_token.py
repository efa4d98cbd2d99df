"""Print an API token, once: only its hash is kept."""

from __future__ import annotations

from argparse import ArgumentParser, RawDescriptionHelpFormatter
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, InterfaceError, transaction
from knox.models import AuthToken

from dashboard.roles import ROLES, give_role

WRONG_USAGE, UNREACHABLE = 2, 3

EXAMPLES = """
examples:
  python manage.py create_token --user grafana
  TOKEN=$(python manage.py create_token --user gateway --role Operator)
  curl -H "Authorization: Token $TOKEN" http://127.0.0.1:8000/api/devices/status

roles, each of which may do what those before it may:
  Viewer     look at everything
  Operator   publish readings, replay quarantine
  Engineer   write and publish data models, accept proposals, discard quarantine, register devices
  Admin      everything, users and groups included

A role holds in the API and in the admin alike. To come into the admin, a user has to be staff as well and needs a
password; both are set there, at the user.

The token alone goes to standard output. It is not shown again; make a new one when it is lost.
"""


class Command(BaseCommand):
    """Make a token for a user, and the user where there is none yet."""

    help = "Print an API token once. A user that does not exist is made, without a password."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say what can be asked for."""
        parser.formatter_class = RawDescriptionHelpFormatter
        parser.epilog = EXAMPLES
        parser.add_argument("--user", required=True, help="whom the token is for")
        parser.add_argument(
            "--role",
            type=str.capitalize,
            choices=ROLES,
            help="what the user may do from now on; a new user is a Viewer unless this says otherwise",
        )

    def handle(self, *args: Any, user: str, role: str | None, **options: Any) -> None:
        """Print the token; say everything else on standard error."""
        try:
            with transaction.atomic():
                owner = self._owner(user, role)
                row, token = AuthToken.objects.create(owner)
        except (DatabaseError, InterfaceError) as error:
            raise CommandError(f"The database cannot be used: {error}", returncode=UNREACHABLE) from error
        self.stdout.write(token)
        self.stderr.write(f"Token for {owner.get_username()}, valid until {row.expiry:%Y-%m-%d}.")

    def _owner(self, name: str, role: str | None) -> AbstractUser:
        users = get_user_model().objects
        owner: AbstractUser | None = users.filter(username=name).first()
        if owner is None:
            owner = self._new_user(name)
            role = role or ROLES[0]
            self.stderr.write(f"Made the user {name}, without a password.")
        elif not owner.is_active:
            raise CommandError(f"The user {name} is not active, so a token would open nothing.")
        if role:
            give_role(owner, role)
            self.stderr.write(f"{name} has the role {role}.")
        return owner

    def _new_user(self, name: str) -> AbstractUser:
        user: AbstractUser = get_user_model()(username=name)
        user.set_unusable_password()
        try:
            user.full_clean()
        except ValidationError as error:
            raise CommandError("; ".join(error.messages), returncode=WRONG_USAGE) from error
        user.save()
        return user
