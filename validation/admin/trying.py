"""Try a draft, on one payload or on the newest messages: the parts of the page that answer with verdicts."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import redis
from django.http import HttpRequest
from django.shortcuts import get_object_or_404

from validation import recent, trial
from validation.admin.pages import may
from validation.forms.questions import TrialForm, TryForm
from validation.models import DataModel, Quarantined
from validation.moments import moment
from validation.spec import ModelSpec
from validation.templatetags.telling import payload_text

PICKED = 8  # recent messages to pick one from
EXAMPLE_LEVEL = "example"  # what stands for a wildcard in an example of a topic


def payload(request: HttpRequest, model: DataModel, spec: ModelSpec) -> dict[str, Any]:
    """Judge the payload that was sent, or the record of quarantine that is named; otherwise offer an empty form."""
    picked = _recent(model) if may(request, "view_quarantined") else []
    form = TryForm(request.POST) if request.method == "POST" else _record_form(request)
    if form is None:
        first = picked[0] if picked else None
        topic = first.topic if first else example_topic(spec.topic_filter)
        return {"try_form": TryForm(initial={"topic": topic}), "picked": picked}
    context: dict[str, Any] = {"try_form": form, "picked": picked}
    if form.is_valid():
        try:
            tried = trial.try_payload(spec, form.cleaned_data["topic"], form.as_sent())
            context |= {"tried": tried, "tried_payload": form.as_sent()}
        except ValueError as fault:
            context["try_fault"] = str(fault)
    return context


def _record_form(request: HttpRequest) -> TryForm | None:
    """Return the form filled in with a record of quarantine, when the address names one."""
    number = request.GET.get("record", "")
    if not number.isdecimal() or not may(request, "view_quarantined"):
        return None
    record = get_object_or_404(Quarantined, pk=int(number))
    return TryForm(filled_in(record.topic, bytes(record.payload)))


def filled_in(topic: str, payload: bytes) -> dict[str, str]:
    """Return what the form to try a payload says when it holds this one."""
    try:
        return {"topic": topic, "payload": payload.decode()}
    except UnicodeDecodeError:
        return {"topic": topic, "payload": payload_text(payload), "payload_hex": payload.hex()}


@dataclass(frozen=True)
class Picked:
    """One recent message to try."""

    topic: str
    accepted: bool
    came: datetime
    text: str
    values: dict[str, str]


def _recent(model: DataModel) -> list[Picked]:
    try:
        found = recent.messages(model.name, PICKED)
    except redis.RedisError:
        return []  # They are a convenience; the page is of use without them.
    return [
        Picked(one.topic, one.accepted, _came(one), payload_text(one.payload), filled_in(one.topic, one.payload))
        for one in found
    ]


def _came(message: recent.Recent) -> datetime:
    return moment(round(message.received * 1_000_000))


def example_topic(topic_filter: str) -> str:
    """Return a topic that a filter is for."""
    levels = topic_filter.split("/")
    return "/".join(EXAMPLE_LEVEL if level in ("+", "#") else level for level in levels)


def newest(request: HttpRequest, model: DataModel, spec: ModelSpec) -> dict[str, Any]:
    """Judge the newest messages by the draft when the address asks for it."""
    form = TrialForm(request.GET if "trial" in request.GET else None)
    if not form.is_bound or not form.is_valid():
        return {"trial_form": form}
    try:
        return {"trial_form": form, "comparison": trial.compare(model, spec, form.cleaned_data["trial"])}
    except ValueError as fault:
        return {"trial_form": form, "trial_fault": str(fault)}
