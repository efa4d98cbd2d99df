"""The roles people and programs can have. Each is a group of Django, and may do what those before it may:

Viewer     see devices, models and their versions, quarantine, replays, what is proposed, summaries; save views of one's
           own
Operator   publish readings through the site; replay quarantine
Engineer   write, publish and withdraw models; accept proposals; discard quarantine; register devices;
           say which summaries are made regularly
Admin      everything there is, users and groups included

The migrations give the groups their permissions; the admin can change them afterwards. The same permissions hold in the
API and in the admin, which also wants its users to be staff.
"""

from __future__ import annotations

from django.contrib.auth.models import AbstractUser, Group

# The migration 0001_roles makes the groups.
ROLES = ("Viewer", "Operator", "Engineer", "Admin")


def give_role(user: AbstractUser, role: str) -> None:
    """Give a user one role, in place of any other; the user's other groups stay."""
    user.groups.remove(*Group.objects.filter(name__in=ROLES))
    user.groups.add(Group.objects.get_or_create(name=role)[0])
