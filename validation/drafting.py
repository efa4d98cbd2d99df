"""Write a specification as rows that people can edit: the draft of a model."""

from __future__ import annotations

from django.db import transaction

from validation.models import PLAIN_SETTINGS, DataModel, Field, ModelRule
from validation.spec import FieldSpec, ModelSpec

# What a field's row has under the same name and as the same value as its specification.
PLAIN = tuple(name for name in FieldSpec.__struct_fields__ if name != "choices")


def save(spec: ModelSpec, description: str = "", *, published: bool = True) -> DataModel:
    """Make a new model with this draft, not published as a version yet. Raises IntegrityError for a name in use."""
    with transaction.atomic():
        settings = {name: getattr(spec, name) for name in PLAIN_SETTINGS}
        model = DataModel.objects.create(description=description, published=published, **settings)
        _write_rows(model, spec)
    return model


def replace(model: DataModel, spec: ModelSpec) -> None:
    """Make this the model's draft, in place of the one it has. The model's name stays."""
    with transaction.atomic():
        for name in PLAIN_SETTINGS:
            if name != "name":
                setattr(model, name, getattr(spec, name))
        model.save()
        model.fields.all().delete()
        model.rules.all().delete()
        _write_rows(model, spec)


def _write_rows(model: DataModel, spec: ModelSpec) -> None:
    Field.objects.bulk_create(
        Field(
            model=model,
            position=position,
            choices=", ".join(field.choices),
            one_of=field.name in spec.any_of,
            **{name: getattr(field, name) for name in PLAIN},
        )
        for position, field in enumerate(spec.fields)
    )
    ModelRule.objects.bulk_create(
        ModelRule(model=model, position=position, expression=rule.expression, message=rule.message)
        for position, rule in enumerate(spec.rules)
    )
