"""The forms of a model's rules across fields."""

from __future__ import annotations

from typing import Any

import msgspec
from django.core.exceptions import ValidationError
from django.forms import BaseInlineFormSet, ModelForm, TextInput

from validation.forms.faults import faults_of_rule, faults_of_whole
from validation.forms.fields import ENTERED, LAST_POSITION, Entered
from validation.models import DataModel, ModelRule


class RuleForm(ModelForm[ModelRule]):
    """A condition that every reading must fulfil. Without a position it goes to the end."""

    class Meta:
        model = ModelRule
        fields = ("expression", "message", "position")
        widgets = {
            "expression": TextInput(attrs={"size": 40, "spellcheck": "false"}),
            "message": TextInput(attrs={"size": 40}),
            "position": TextInput(attrs={"size": 3}),
        }
        labels = {"position": "Order"}
        help_texts = {
            "expression": "True for a reading that passes: end > start. Looked at where all fields in it are present.",
            "message": "What to say of a reading that breaks it; otherwise the rule itself.",
            "position": "Empty: last.",
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "position" in self.fields:
            self.fields["position"].required = False
            if self.instance._state.adding:
                self.initial["position"] = None


class RuleFormSet(BaseInlineFormSet[ModelRule, DataModel, ModelForm[ModelRule]]):
    """The rules of a model, checked against the fields that are entered with them."""

    def clean(self) -> None:
        """Refuse rules that cannot be compiled, or that name what the model does not have."""
        super().clean()
        entered: Entered | None = getattr(self.instance, ENTERED, None)
        if any(self.errors) or entered is None:
            return
        kept = [form for form in self.forms if form.cleaned_data and not form.cleaned_data.get("DELETE")]
        bare = self.instance.spec(entered.fields, entered.any_of, rules=())
        for number, form in enumerate(kept):
            if form.cleaned_data["position"] is None:
                form.instance.position = min(number, LAST_POSITION)
            for fault in faults_of_rule(bare, form.instance.spec()):
                form.add_error("expression", fault)
        if not any(self.errors):
            rules = tuple(form.instance.spec() for form in kept)
            if faults := faults_of_whole(msgspec.structs.replace(bare, rules=rules)):
                raise ValidationError(faults)
