"""Which fields and devices a question is about, once its words are known: what is left open is asked back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from insights.questions.grammar.meanings import FieldNames, Meanings
from insights.questions.grammar.units import converted, symbol
from insights.questions.query import AskBack, Condition
from insights.questions.vocabulary import KnownDevice, Vocabulary, in_words

NUMERIC = ("number", "integer")
MOST_CHOICES = 8


def models_in(meanings: Meanings, vocabulary: Vocabulary) -> list[str]:
    """Return the models that a question can be about, going by its devices, models and tags."""
    if meanings.models:
        return meanings.models
    named = [vocabulary.devices[name] for name in meanings.devices]
    if not named and meanings.tags:
        named = tagged(vocabulary.devices.values(), meanings.tags)
    sent = [model for device in named for model in device.models]
    return list(dict.fromkeys(sent)) or list(vocabulary.models)


def tagged(devices: Iterable[KnownDevice], tags: Sequence[str]) -> list[KnownDevice]:
    """Return the devices that have one of some tags, by name."""
    return sorted((device for device in devices if set(device.tags) & set(tags)), key=lambda device: device.name)


def wanted_fields(meanings: Meanings, vocabulary: Vocabulary, count: int) -> tuple[str, ...]:
    """Return the fields that are asked for, exactly so many. Raises AskBack where they are not clear."""
    nouns = meanings.fields
    others = [names for names in meanings.adjectives if not any(set(names) & set(noun) for noun in nouns)]
    asked = list(dict.fromkeys([*nouns, *others]))
    models = models_in(meanings, vocabulary)
    if not asked and count == 1:
        asked = [_only_one(meanings, models, vocabulary)]
    if len(asked) != count:
        raise _wrong_number(asked, count, models, vocabulary)
    return tuple(_one_of(names, meanings, models, vocabulary) for names in asked)


def _only_one(meanings: Meanings, models: Sequence[str], vocabulary: Vocabulary) -> FieldNames:
    """Return the one field that can be meant where none is named: the only one, or the only one of a unit."""
    found = [
        f"{model}.{field.name}"
        for model in models
        for field in vocabulary.models[model].fields
        if field.kind in NUMERIC
        and (
            meanings.limit is None
            or meanings.limit.unit is None
            or converted(meanings.limit.condition.value, meanings.limit.unit, field.unit) is not None
        )
    ]
    if len(found) == 1:
        return tuple(found)
    if meanings.limit is not None and not found:
        raise AskBack("unit", f"Nothing there is measured so that it could be {meanings.limit.words!r}.")
    raise _which_field(found or _numeric(models, vocabulary), vocabulary)


def _numeric(models: Sequence[str], vocabulary: Vocabulary) -> list[str]:
    return [f"{model}.{field.name}" for model in models for field in vocabulary.models[model].fields]


def _which_field(names: Sequence[str], vocabulary: Vocabulary) -> AskBack:
    if not names:
        return AskBack("unknown_field", "There is nothing measured that this could be about.")
    labels = list(dict.fromkeys(_label(name, vocabulary) for name in names))
    return AskBack("which_field", f"Which field do you mean: {in_words(labels)}?", "", tuple(labels[:MOST_CHOICES]))


def _label(name: str, vocabulary: Vocabulary) -> str:
    return vocabulary.field(name).name.replace("_", " ")


def _wrong_number(asked: Sequence[FieldNames], count: int, models: Sequence[str], vocabulary: Vocabulary) -> AskBack:
    if count == 2:
        known = in_words(_label(name, vocabulary) for name in _numeric(models, vocabulary))
        return AskBack("which_field", f"Name two fields that I shall correlate, out of: {known}.")
    labels = list(dict.fromkeys(_label(names[0], vocabulary) for names in asked))
    sentence = f"I can answer about one field at a time: {' or '.join(labels)}?"
    return AskBack("which_field", sentence, "", tuple(labels[:MOST_CHOICES]))


def _one_of(names: FieldNames, meanings: Meanings, models: Sequence[str], vocabulary: Vocabulary) -> str:
    here = [name for name in names if name.split(".")[0] in models]
    if not here:
        about = in_words([*meanings.devices, *(f"model {name}" for name in meanings.models), *meanings.tags])
        known = in_words(dict.fromkeys(_label(name, vocabulary) for name in _numeric(models, vocabulary)), 12)
        sends = f"it measures {known}" if known else "nothing has come from it yet"
        raise AskBack("unknown_field", f"{about} has no {_label(names[0], vocabulary)}: {sends}.")
    lacking = [name for name in meanings.models if name not in {known.split(".")[0] for known in here}]
    if lacking:
        sentence = (
            f"{in_words(lacking)} has no {_label(names[0], vocabulary)}: ask about {here[0].split('.')[0]} alone."
        )
        raise AskBack("unknown_field", sentence)
    if len(here) > 1:
        raise AskBack("which_field", f"Which do you mean: {in_words(here)}?", "", tuple(here[:MOST_CHOICES]))
    return here[0]


def wanted_senders(field: str, meanings: Meanings, vocabulary: Vocabulary) -> list[KnownDevice]:
    """Return the devices that a question about a field is about. Raises AskBack for those that do not send it."""
    model = field.split(".")[0]
    if not meanings.devices:
        senders = vocabulary.senders(model)
        senders = tagged(senders, meanings.tags) if meanings.tags else senders
        if meanings.is_one and len(senders) > 1:
            raise which_device([device.name for device in senders])
        return senders
    found = [vocabulary.devices[name] for name in meanings.devices]
    for device in found:
        if device.models and model not in device.models:
            label = _label(field, vocabulary)
            raise AskBack("unknown_field", f"{device.name} has no {label}: it sends {in_words(device.models)}.")
    return found


def the_sender(field: str, meanings: Meanings, vocabulary: Vocabulary, *, several: bool) -> tuple[str, ...]:
    """Return the devices named, or the only one there is; raise AskBack where one has to be chosen.

    With `several` a question about all devices, or those with a tag, needs no choice.
    """
    senders = wanted_senders(field, meanings, vocabulary)
    is_group = bool(meanings.tags) or meanings.is_all
    if len(senders) == 1:
        return (senders[0].name,)
    if several and (meanings.devices or is_group):
        return tuple(meanings.devices)
    names = [device.name for device in senders]
    if not names:
        raise AskBack("unknown_device", "No device sends that yet.")
    raise which_device(names)


def which_device(names: Sequence[str]) -> AskBack:
    """Return the question which device is meant."""
    choices = tuple(f"of {name}" for name in names[:MOST_CHOICES])
    return AskBack("which_device", f"Which device do you mean: {in_words(names)}?", "", choices)


def checked_condition(field: str, meanings: Meanings, vocabulary: Vocabulary) -> Condition | None:
    """Return the condition in the unit of the field. Raises AskBack when its unit is one of something else."""
    limit = meanings.limit
    if limit is None:
        return None
    known = vocabulary.field(field)
    if known.kind not in NUMERIC:
        raise AskBack("unit", f"{known.name} is no number, so nothing can be {limit.words!r}.")
    if limit.unit is None:
        return limit.condition
    value = converted(limit.condition.value, limit.unit, known.unit)
    if value is None:
        measured = f"in {symbol(known.unit)}" if known.unit else "without a unit"
        sentence = f"{known.label or known.name} is measured {measured}, so it cannot be {limit.words!r}."
        raise AskBack("unit", sentence, limit.words)
    return Condition(limit.condition.op, round(value, 10))
