"""The form that selects records of quarantine: the address of a page carries what it says."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.http import urlencode

from validation.models import DataModel
from validation.quarantine import Selection

# In addresses an empty value means any; these mean none. No model, pointer or device can be called so.
NONE = "(none)"
WILDCARDS = frozenset({"+", "#"})
GROUPINGS = ("model", "code", "place", "device", "topic")
USUAL = ("model", "code", "place")
DIGITS = 19  # in a number that is surely no id, because no bigint holds it
NO_RECORD = 0
MOST_IDS = 500  # records that one act can name one by one


class Moment(forms.DateTimeInput):
    """A date and a time that the browser asks for."""

    input_type = "datetime-local"


class SelectionForm(forms.Form):
    """Which records. Everything that is left empty selects all."""

    model = forms.CharField(required=False, widget=forms.Select)
    code = forms.CharField(label="Reason", required=False, max_length=40, widget=forms.TextInput(attrs={"size": 14}))
    place = forms.CharField(label="Field", required=False, max_length=200, widget=forms.TextInput(attrs={"size": 14}))
    device = forms.CharField(required=False, max_length=64, widget=forms.TextInput(attrs={"size": 14}))
    topic = forms.CharField(required=False, max_length=65_535, widget=forms.TextInput(attrs={"size": 26}))
    since = forms.DateTimeField(
        label="Since (UTC)", required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )
    until = forms.DateTimeField(
        label="Until (UTC)", required=False, widget=forms.DateTimeInput(attrs={"type": "datetime-local"})
    )

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        names = DataModel.objects.order_by("name").values_list("name", flat=True)
        choices = [("", "all"), (NONE, "no model"), *((name, name) for name in names)]
        self.fields["model"].widget = forms.Select(choices=choices)
        self._data = data

    def clean_place(self) -> str:
        """Take a field by its name, too: what is stored is a JSON pointer."""
        place: str = self.cleaned_data["place"]
        return place if place in ("", NONE) or place.startswith("/") else f"/{place.replace('.', '/')}"

    def selection(self) -> Selection:
        """Return what is selected. Only after the form was found valid."""
        said = {name: value or None for name, value in self.cleaned_data.items()}
        if said["topic"] and WILDCARDS & set(said["topic"].split("/")):  # no topic has them
            said["topic_filter"] = said.pop("topic")
        said = {name: "" if value == NONE else value for name, value in said.items()}
        return Selection(**said, ids=_ids(self._data))

    @property
    def by(self) -> tuple[str, ...]:
        """Return what to group by."""
        asked = tuple(name for name in GROUPINGS if name in self._data.getlist("by"))
        return asked or USUAL


def _ids(data: QueryDict) -> tuple[int, ...]:
    """Return the records that are named; where some were to be chosen and none was, one that there never is."""
    if "chosen" not in data and "id" not in data:
        return ()
    numbers = (int(number) for number in data.getlist("id")[:MOST_IDS] if number.isdecimal() and len(number) < DIGITS)
    return tuple(numbers) or (NO_RECORD,)


def pairs_of(selection: Selection) -> list[tuple[str, str]]:
    """Return a selection as the names and values of an address or of hidden inputs."""
    pairs: list[tuple[str, str]] = []
    for name in GROUPINGS:
        value = getattr(selection, name)
        if name == "topic" and value is None:
            value = selection.topic_filter
        if value is not None:
            pairs.append((name, value or NONE))
    for name in ("since", "until"):
        moment = getattr(selection, name)
        if moment is not None:
            pairs.append((name, moment.strftime("%Y-%m-%dT%H:%M:%S")))
    return pairs + [("id", str(number)) for number in selection.ids]


def query_of(selection: Selection, **more: Any) -> str:
    """Return a selection as the query of an address."""
    return urlencode([*pairs_of(selection), *more.items()], doseq=True)


def in_words(selection: Selection) -> str:
    """Return a selection as people would say it."""
    if selection.ids:
        return f"{len(selection.ids)} chosen record{'' if len(selection.ids) == 1 else 's'}"
    words = {"code": "reason", "place": "field"}
    said = [f"{words.get(name, name)} {value}" for name, value in pairs_of(selection)]
    return ", ".join(said) or "everything in quarantine"
