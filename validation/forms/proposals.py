"""The form of a proposal: the essentials of a model that somebody may change before it is made."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import msgspec
from django import forms
from django.core.exceptions import ValidationError
from django.forms import BaseFormSet, formset_factory

from validation.forms.exchange import NewModelForm
from validation.forms.faults import faults_of_field, faults_of_whole, placed
from validation.forms.fields import PLACES
from validation.forms.numbers import PlainNumber
from validation.models import Field
from validation.spec import MAX_FIELDS, FieldSpec, ModelSpec

LARGEST = 500_000  # characters of a proposal that comes back with the form
ASKED = ("name", "kind", "unit", "required", "minimum", "maximum")  # of a field; the rest stays as proposed


class ProposalForm(NewModelForm):
    """Name and topics; the whole proposal comes along, because what it was made of moves on meanwhile."""

    spec = forms.CharField(max_length=LARGEST, widget=forms.HiddenInput)

    def clean_spec(self) -> ModelSpec:
        """Return the proposal that was shown."""
        try:
            return msgspec.json.decode(self.cleaned_data["spec"], type=ModelSpec)
        except msgspec.MsgspecError as fault:
            raise ValidationError("The proposal did not come back whole. Open it again.") from fault


class ProposedFieldForm(forms.Form):
    """One field of a proposal."""

    keep = forms.BooleanField(required=False, initial=True)
    name = forms.CharField(max_length=63, widget=forms.TextInput(attrs={"size": 14, "spellcheck": "false"}))
    kind = forms.ChoiceField(choices=Field.Kind.choices)
    unit = forms.CharField(max_length=30, required=False, widget=forms.TextInput(attrs={"size": 6}))
    required = forms.BooleanField(required=False)
    minimum = PlainNumber(required=False, widget=forms.TextInput(attrs={"size": 7, "inputmode": "decimal"}))
    maximum = PlainNumber(required=False, widget=forms.TextInput(attrs={"size": 7, "inputmode": "decimal"}))

    def changed(self, proposed: FieldSpec) -> FieldSpec:
        """Return the field with what was changed; what means nothing for another kind goes."""
        said = {name: self.cleaned_data[name] for name in ASKED}
        if said["name"] != proposed.name and not proposed.path:
            said["path"] = proposed.name  # it still stands in the payload where it stood
        if said["kind"] != proposed.kind:
            said |= {"choices": (), "max_length": None, "pattern": ""}
        if said["kind"] not in ("number", "integer"):
            said |= {"minimum": None, "maximum": None}
        return msgspec.structs.replace(proposed, **said)


class ProposedFields(BaseFormSet[ProposedFieldForm]):
    """The fields of a proposal, in its order."""

    def kept(self, spec: ModelSpec) -> tuple[FieldSpec, ...]:
        """Return the fields that are to stay, as changed."""
        pairs = zip(self.forms, spec.fields, strict=True)
        return tuple(form.changed(field) for form, field in pairs if form.cleaned_data.get("keep"))


FieldForms = formset_factory(
    ProposedFieldForm, formset=ProposedFields, extra=0, max_num=MAX_FIELDS, absolute_max=MAX_FIELDS
)


class Proposed:
    """The whole form: the model's part and the fields' parts, and the specification they make together."""

    def __init__(self, form: ProposalForm, fields: ProposedFields, base: ModelSpec | None) -> None:
        self.form, self.fields = form, fields
        self._base = base  # what was proposed; None when it did not come back whole

    @classmethod
    def shown(cls, spec: ModelSpec) -> Proposed:
        """Return the form as it is offered."""
        written = {"name": spec.name, "topic_filter": spec.topic_filter, "spec": msgspec.json.encode(spec).decode()}
        initial = [{"keep": True} | {name: getattr(field, name) for name in ASKED} for field in spec.fields]
        fields = cast(ProposedFields, FieldForms(initial=initial, prefix="field"))
        return cls(ProposalForm(initial=written), fields, spec)

    @classmethod
    def sent(cls, data: Any) -> Proposed:
        """Return the form as somebody sent it."""
        form = ProposalForm(data)
        form.full_clean()
        return cls(form, cast(ProposedFields, FieldForms(data, prefix="field")), form.cleaned_data.get("spec"))

    def rows(self) -> list[tuple[str, ProposedFieldForm]]:
        """Return the forms of the fields, each with the name that was proposed."""
        names = [field.name for field in self._base.fields] if self._base else []
        return list(zip(names, self.fields.forms, strict=False))

    def spec(self) -> ModelSpec | None:
        """Return the model that the form describes, or None when something in it is wrong, which it says then."""
        if not (self.form.is_valid() and self.fields.is_valid()):
            return None
        said, base = self.form.cleaned_data, self._base
        if base is None or len(self.fields.forms) != len(base.fields):
            self.form.add_error(None, "The proposal did not come back whole. Open it again.")
            return None
        fields = self.fields.kept(base)
        names = {field.name for field in fields}
        spec = msgspec.structs.replace(
            base,
            name=said["name"],
            topic_filter=said["topic_filter"],
            fields=fields,
            any_of=tuple(name for name in base.any_of if name in names),
        )
        return None if self._refuse(spec) else spec

    def _refuse(self, spec: ModelSpec) -> bool:
        """Say what is wrong with the model, beside the field that it is wrong with where there is one."""
        kept: Iterable[ProposedFieldForm] = (form for form in self.fields.forms if form.cleaned_data.get("keep"))
        for form, field in zip(kept, spec.fields, strict=True):
            for place, faults in placed(field, PLACES, lambda one: faults_of_field(spec, one)).items():
                for fault in faults:
                    form.add_error(place if place in form.fields else "name", fault)
        if not any(self.fields.errors):
            for fault in faults_of_whole(spec):
                self.form.add_error(None, fault)
        return bool(self.form.errors) or any(self.fields.errors)
