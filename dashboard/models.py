"""What people keep of the pages: views of the explorer under names of their own."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

MAX_NAME = 80  # characters: what a menu has room for on a phone
MAX_QUERY = 8000  # characters: what servers take as an address without being told to take more


class SavedView(models.Model):
    """What the explorer shows for an address: saved by somebody, for themselves or for everybody."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views")
    name = models.CharField(max_length=MAX_NAME)
    query = models.TextField(max_length=MAX_QUERY, help_text="What stands in the address after the question mark.")
    shared = models.BooleanField(default=False, help_text="Everybody sees it; only its owner changes it.")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("name", "pk")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=("owner", "name"), name="one_view_of_a_name_for_each_owner")
        ]

    def __str__(self) -> str:
        """Return its name."""
        return self.name
