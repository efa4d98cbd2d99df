"""Find out who asks: by a token of the API, or by name where whoever starts the process may do everything anyway."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.contrib.auth.models import AbstractUser
from knox.auth import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

LONGEST_TOKEN = 200  # characters; knox makes 64


class NotKnown(Exception):
    """Nobody is meant by a name or a token; the message says what to do."""


def of_token(token: str) -> int:
    """Return the number of the user whose token it is. Blocks for the database; raises NotKnown."""
    if not (token.isascii() and token.isalnum() and len(token) <= LONGEST_TOKEN):
        raise NotKnown("That is no token. `manage.py create_token` makes one.")
    try:
        user, _ = TokenAuthentication().authenticate_credentials(token.encode())
    except AuthenticationFailed as error:
        raise NotKnown("That token is not valid, or no longer. `manage.py create_token` makes one.") from error
    return int(user.pk)


def of_name(name: str) -> int:
    """Return the number of an active user. Blocks for the database; raises NotKnown."""
    user = get_user_model().objects.filter(username=name, is_active=True).first()
    if user is None:
        raise NotKnown(f"There is no active user {name!r}.")
    return int(user.pk)


def user_of(number: int) -> AbstractUser | None:
    """Return a user as the database has them now, so that a permission that was taken away is gone at once."""
    found: AbstractUser | None = get_user_model().objects.filter(pk=number, is_active=True).first()
    return found
