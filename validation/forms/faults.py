"""Find the setting that a fault belongs to, so that it is said beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec
from django.core.exceptions import ValidationError
from msgspec import NODEFAULT

from validation.publishing import check
from validation.spec import FieldSpec, ModelSpec, Rule, faults_of_limits, faults_of_names, faults_of_source
from validation.units import fault_of_unit

Spec = TypeVar("Spec", FieldSpec, ModelSpec)
# What stands for a setting without a default when it is left out, to see whether a fault goes with it.
HARMLESS = {"name": "x", "kind": "text", "topic_filter": "x/+"}


def placed(spec: Spec, places: Iterable[str], faults_of: Callable[[Spec], list[str]]) -> dict[str, list[str]]:
    """Return the faults of a specification by the setting that causes each; "" has those that none of them causes.

    A fault belongs to the last of `places` without which it is gone: of two limits that leave nothing, the second.
    """
    faults = faults_of(spec)
    found: dict[str, list[str]] = {}
    if not faults:
        return found
    left = {place: set(faults_of(_without(spec, place))) for place in places}
    for fault in faults:
        causes = [place for place in left if fault not in left[place]]
        found.setdefault(causes[-1] if causes else "", []).append(fault)
    return found


def faults_of_field(model: ModelSpec, field: FieldSpec) -> list[str]:
    """Return what is wrong with one field of a model, whatever else the model has."""
    alone = msgspec.structs.replace(model, fields=(field,), any_of=(), rules=())
    unit = fault_of_unit(field.unit)
    return faults_of_names(alone) + faults_of_limits(alone) + ([unit] if unit else [])


def faults_of_rule(model: ModelSpec, rule: Rule) -> list[str]:
    """Return what is wrong with one rule of a model, whatever other rules it has."""
    bare = msgspec.structs.replace(model, any_of=(), rules=())
    before = faults_of_limits(bare)
    with_it = faults_of_limits(msgspec.structs.replace(bare, rules=(rule,)))
    return [fault for fault in with_it if fault not in before]


def faults_of_settings(model: ModelSpec) -> list[str]:
    """Return what is wrong with a model apart from its fields and rules."""
    bare = msgspec.structs.replace(model, fields=(), any_of=(), rules=())
    return faults_of_names(bare) + faults_of_source(bare) + faults_of_limits(bare)


def faults_of_whole(spec: ModelSpec) -> list[str]:
    """Return why a model cannot be published, as sentences; empty when it can. Asks the database for its table."""
    try:
        check(spec)
    except ValidationError as error:
        return list(error.messages)
    return []


def _without(spec: Spec, place: str) -> Spec:
    """Return a specification that leaves one setting at what it is when nobody says anything."""
    default = next(field.default for field in msgspec.structs.fields(type(spec)) if field.name == place)
    return msgspec.structs.replace(spec, **{place: HARMLESS[place] if default is NODEFAULT else default})
