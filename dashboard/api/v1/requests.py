"""The bodies that the routes take, as they are read; unknown keys are refused."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from validation import trial

Count = Annotated[int, msgspec.Meta(ge=1, le=trial.MOST)]  # messages
Number = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]


class Nothing(msgspec.Struct):
    """No wishes at all: an act without parameters."""


class RevertTo(msgspec.Struct):
    """A version to go back to."""

    version: Number


class TryThis(msgspec.Struct, forbid_unknown_fields=True):
    """A message to judge; `payload` keeps the bytes of its JSON. Another specification than the draft is optional."""

    topic: str
    payload: msgspec.Raw
    spec: dict[str, Any] | None = None


class TrialOver(msgspec.Struct):
    """How many of the newest messages to judge, and by what; None is the draft."""

    count: Count = trial.MOST
    spec: dict[str, Any] | None = None


class Import(msgspec.Struct):
    """A model from elsewhere: a bundle, or a JSON Schema. Name and topic filter replace those that it has."""

    bundle: dict[str, Any] | None = None
    schema: dict[str, Any] | None = None
    name: str = ""
    topic_filter: str = ""
    publish: bool = False
    dry_run: bool = False


class FromTemplate(msgspec.Struct):
    """A template, and what to change of it: another name, other topics."""

    template: str
    name: str = ""
    topic_filter: str = ""
    publish: bool = False


class Accept(msgspec.Struct):
    """A proposal as a person left it."""

    spec: dict[str, Any]
    publish: bool = False
    replay: bool = False
