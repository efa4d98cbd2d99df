"""The forms that make a new model of a file or of a template."""

from __future__ import annotations

import json
from typing import Any

from django import forms

from validation.models import DataModel
from validation.spec import MODEL_NAME

NAME_RULE = "a-z, 0-9 and _ only; starts with a letter."
LARGEST = 2_000_000  # bytes of a file; a model of 500 fields with a hundred versions is smaller


class NewModelForm(forms.Form):
    """What a model that comes from somewhere else is called here, and its topics."""

    name = forms.RegexField(
        rf"\A{MODEL_NAME.pattern}\Z",
        max_length=48,
        error_messages={"invalid": NAME_RULE},
        help_text="Names the table. It cannot be changed later.",
    )
    topic_filter = forms.CharField(
        max_length=255, help_text="Which MQTT topics the model is for, like boats/+/telemetry."
    )

    def clean_name(self) -> str:
        """Refuse the name of a model that exists."""
        name: str = self.cleaned_data["name"]
        if DataModel.objects.filter(name=name).exists():
            raise forms.ValidationError("A data model of this name exists already.")
        return name


class ImportForm(forms.Form):
    """A file from an export, or a JSON Schema. Name and topics are those of the document unless they are given."""

    document = forms.FileField(label="File", required=False, help_text="A model with its history, or a JSON Schema.")
    text = forms.CharField(
        label="Or its text",
        required=False,
        widget=forms.Textarea(attrs={"rows": 10, "cols": 80, "spellcheck": "false"}),
    )
    name = forms.RegexField(
        rf"\A{MODEL_NAME.pattern}\Z",
        max_length=48,
        required=False,
        error_messages={"invalid": NAME_RULE},
        help_text="What the model is called here. Empty: as the document says.",
    )
    topic_filter = forms.CharField(
        max_length=255, required=False, help_text="Which MQTT topics it is for here. Empty: as the document says."
    )
    replace = forms.BooleanField(
        label="Replace the draft of a model of this name", required=False, help_text="Its versions stay as they are."
    )

    def clean(self) -> dict[str, Any]:
        """Read the document; refuse to replace a draft unless that was asked for."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        upload = cleaned.get("document")
        if upload is not None and upload.size > LARGEST:
            raise forms.ValidationError(f"The file has more than {LARGEST:,} bytes.")
        try:
            read = json.loads(upload.read() if upload is not None else cleaned.get("text", ""))
        except (ValueError, RecursionError) as fault:
            raise forms.ValidationError("Give a file, or its text; it must be JSON.") from fault
        if not isinstance(read, dict):
            raise forms.ValidationError("The document must be a JSON object.")
        return cleaned | {"read": read}

    @property
    def is_schema(self) -> bool:
        """Tell whether the document is a JSON Schema, and not a model with its history."""
        read = self.cleaned_data["read"]
        return "$schema" in read or "properties" in read

    def refuse_to_replace(self, name: object) -> None:
        """Raise ValidationError when the draft of a model would be replaced that nobody meant."""
        if not self.cleaned_data["replace"] and DataModel.objects.filter(name=str(name)).exists():
            raise forms.ValidationError(
                f"There is a data model {name} already. Give another name, or replace its draft."
            )
