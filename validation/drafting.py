"""Write a specification as rows that people can edit: the draft of a model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.core.exceptions import ValidationError
from django.db import models, transaction

from validation.models import PLAIN_SETTINGS, DataModel, Field, ModelRule
from validation.spec import FieldSpec, ModelSpec

# What a field's row has under the same name and as the same value as its specification.
PLAIN = tuple(name for name in FieldSpec.__struct_fields__ if name != "choices")


def save(spec: ModelSpec, description: str = "", *, published: bool = True) -> DataModel:
    """Make a new model with this draft, not published as a version yet.

    Raises IntegrityError for a name in use, ValidationError with sentences for what the rows have no room for.
    """
    settings = {name: getattr(spec, name) for name in PLAIN_SETTINGS}
    model = DataModel(description=description, published=published, **settings)
    _write(model, spec)
    return model


def replace(model: DataModel, spec: ModelSpec) -> None:
    """Make this the model's draft, in place of the one it has. The model's name stays.

    Raises ValidationError with sentences for what the rows have no room for; nothing has changed then.
    """
    for name in PLAIN_SETTINGS:
        if name != "name":
            setattr(model, name, getattr(spec, name))
    _write(model, spec)


def _write(model: DataModel, spec: ModelSpec) -> None:
    fields, rules = list(_fields(model, spec)), list(_rules(model, spec))
    faults = _faults("The model", model)
    for field in fields:
        faults += _faults(f"The field {field.name!r}", field)
    for rule in rules:
        faults += _faults(f"The rule {rule.expression[:80]!r}", rule)
    faults += _lost_choices(fields, spec)
    if faults:
        raise ValidationError(faults)
    with transaction.atomic():
        model.save()
        model.fields.all().delete()
        model.rules.all().delete()
        Field.objects.bulk_create(fields)
        ModelRule.objects.bulk_create(rules)


def _fields(model: DataModel, spec: ModelSpec) -> Iterator[Field]:
    for position, field in enumerate(spec.fields):
        yield Field(
            model=model,
            position=position,
            choices=", ".join(field.choices),
            one_of=field.name in spec.any_of,
            **{name: getattr(field, name) for name in PLAIN},
        )


def _rules(model: DataModel, spec: ModelSpec) -> Iterator[ModelRule]:
    for position, rule in enumerate(spec.rules):
        yield ModelRule(model=model, position=position, expression=rule.expression, message=rule.message)


def _faults(what: str, row: models.Model) -> list[str]:
    """Return what a row has no room for, as sentences, before PostgreSQL refuses it in words for programmers."""
    # An empty text fits everywhere; whether it makes sense is for whoever publishes the draft.
    fits = {column.name for column in row._meta.fields if getattr(row, column.attname) in ("", None)}
    try:
        row.clean_fields(exclude=fits | {"model"})
    except ValidationError as error:
        wrong = error.message_dict.items()
        return [f"{what}, {row._meta.get_field(name).verbose_name}: {text}" for name, texts in wrong for text in texts]  # type: ignore[union-attr]
    return []


def _lost_choices(rows: Sequence[Field], spec: ModelSpec) -> list[str]:
    """Return a sentence for each field whose choices a row cannot keep as they are."""
    return [
        f"The choices of the field {field.name!r} must be different texts without commas or spaces around them."
        for row, field in zip(rows, spec.fields, strict=True)
        if row.choice_list() != field.choices
    ]
