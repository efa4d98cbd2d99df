"""Questions to begin with, about what there is. Pure."""

from __future__ import annotations

from insights.questions.grammar.scope import NUMERIC
from insights.questions.grammar.units import symbol
from insights.questions.vocabulary import KnownDevice, Vocabulary
from validation.spec import FieldSpec, ModelSpec

MOST_MODELS = 2  # that examples are made of; more of them would be the same again
DULL = ("latitude", "longitude", "heading")  # which nobody averages


def examples(vocabulary: Vocabulary) -> list[str]:
    """Return questions that would be answered; none where nothing has been sent yet."""
    found: list[str] = []
    for name, spec in vocabulary.models.items():
        senders, fields = vocabulary.senders(name), _fields(spec)
        if senders and fields and len(found) < MOST_MODELS * 5:
            found += _of_model(name, fields, senders)
    return [*found, "Which devices are offline?"] if found else []


def _fields(spec: ModelSpec) -> list[FieldSpec]:
    numeric = [field for field in spec.fields if field.kind in NUMERIC]
    return [field for field in numeric if field.name not in DULL] or numeric


def _of_model(model: str, fields: list[FieldSpec], senders: list[KnownDevice]) -> list[str]:
    field, other, device = _word(model, fields[0]), _word(model, fields[-1]), senders[0].name
    made = [
        f"What is the current {field} of {device}?",
        f"What was the average {field} of {device} yesterday?",
        f"When was the {other} of {device} lowest today?",
    ]
    if len(senders) > 1:
        made.append(f"Which device has the highest {field}?")
        made.append(f"Compare the average {field} of {device} and {senders[1].name} today")
    limit = fields[0].maximum
    if limit is not None and limit > 0:
        made.append(f"How long was the {field} of {device} above {limit / 5:g} {symbol(fields[0].unit)} today?")
    return made


def _word(model: str, field: FieldSpec) -> str:
    return field.name.replace("_", " ")
