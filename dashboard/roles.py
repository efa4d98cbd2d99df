"""The roles people and programs can have. Each is a group; what a group may do is set in the admin."""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser, Group

# Each may do what those before it may. The migration 0001_roles makes the groups.
ROLES = ("Viewer", "Operator", "Engineer", "Admin")


def give_role(user: AbstractUser, role: str) -> None:
    """Give a user one role, in place of any other; the user's other groups stay."""
    user.groups.remove(*Group.objects.filter(name__in=ROLES))
    user.groups.add(Group.objects.get_or_create(name=role)[0])
