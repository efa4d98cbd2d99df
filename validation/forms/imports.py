"""The form that uploads a file of readings."""

from __future__ import annotations

from typing import Any

from django import forms

from validation.imports import FORMS
from validation.models import DataModel

KINDS = {"csv": "CSV", "parquet": "Parquet", "lp": "line protocol"}
UNITS = {"": "as usual", "s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}


class UploadForm(forms.Form):
    """A file, what it holds, and which of its columns are called otherwise than here."""

    file = forms.FileField(help_text="With headings: device, ts, seq, and the names of the fields, as an export has.")
    model = forms.CharField(widget=forms.Select)
    form = forms.ChoiceField(
        label="Format", required=False, choices=[("", "as its name says"), *((form, KINDS[form]) for form in FORMS)]
    )
    mapping = forms.CharField(
        label="Columns",
        required=False,
        widget=forms.Textarea(attrs={"rows": 3, "cols": 40, "spellcheck": "false", "placeholder": "ts = time"}),
        help_text="One a line where names differ: what it is here = what its column is called.",
    )
    device = forms.CharField(
        required=False, max_length=64, help_text="Of all rows, for a file that has no column for it."
    )
    unit = forms.ChoiceField(
        label="Times that are numbers count",
        required=False,
        choices=list(UNITS.items()),
        help_text="Seconds since 1970 as usual, and nanoseconds in line protocol.",
    )
    measurement = forms.CharField(
        required=False, max_length=200, help_text="Of line protocol, where it is not the name of the model."
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        published = DataModel.objects.filter(published=True, versions__isnull=False).distinct().order_by("name")
        names = published.values_list("name", flat=True)
        self.fields["model"].widget = forms.Select(choices=[(name, name) for name in names])

    def clean_mapping(self) -> dict[str, str]:
        """Return the pairs of the lines."""
        mapping: dict[str, str] = {}
        for line in self.cleaned_data["mapping"].splitlines():
            target, equals, column = (part.strip() for part in line.partition("="))
            if line.strip() and not (target and equals and column):
                raise forms.ValidationError(f"Expected a line such as ts = time, and not {line[:80]!r}.")
            if line.strip():
                mapping[target] = column
        return mapping

    def said(self) -> dict[str, Any]:
        """Return what was said of the file. Only after the form was found valid."""
        return {name: self.cleaned_data[name] for name in ("mapping", "device", "unit", "measurement")}
