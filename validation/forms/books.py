"""The forms of the pages about the books: the address of a page carries what they say."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from validation.models import DataModel
from validation.moments import microseconds, moment


class EventTime(forms.CharField):
    """An event time: ISO 8601, UTC unless it has a zone, or seconds since 1970."""

    def clean(self, value: Any) -> datetime | None:
        """Return the moment; refuse what is none."""
        text = super().clean(value).strip()
        if not text:
            return None
        try:
            micros = microseconds(float(text))
        except ValueError:
            micros = microseconds(text)
        if micros is None:
            raise ValidationError("Write it like 2026-11-21T08:00:00.250 (UTC), or as seconds since 1970.")
        return moment(micros)


def _model_field() -> forms.CharField:
    return forms.CharField(required=False, widget=forms.Select)


class _WithModel(forms.Form):
    def __init__(self, data: QueryDict | None) -> None:
        super().__init__(data)
        names = DataModel.objects.order_by("name").values_list("name", flat=True)
        choices = [("", "all"), *((name, name) for name in names)]
        self.fields["model"].widget = forms.Select(choices=choices)


class TraceForm(_WithModel):
    """Which reading to follow."""

    device = forms.CharField(max_length=64, widget=forms.TextInput(attrs={"size": 16}))
    at = EventTime(label="Event time (UTC)", max_length=40, widget=forms.TextInput(attrs={"size": 28}))
    model = _model_field()
    seq = forms.IntegerField(label="Sequence", required=False, widget=forms.TextInput(attrs={"size": 10}))


class GapsForm(_WithModel):
    """Where to look for missing sequence numbers."""

    device = forms.CharField(max_length=64, required=False, widget=forms.TextInput(attrs={"size": 16}))
    model = _model_field()
    start = EventTime(label="From (UTC)", required=False, max_length=40, widget=forms.TextInput(attrs={"size": 22}))
    end = EventTime(label="To (UTC)", required=False, max_length=40, widget=forms.TextInput(attrs={"size": 22}))

    def clean(self) -> dict[str, Any]:
        """Refuse a span that ends before it begins."""
        said = super().clean() or {}
        if said.get("start") and said.get("end") and said["start"] > said["end"]:
            self.add_error("end", "The end is before the start.")
        return said
