"""Read what a request brings, strictly: a misspelt key is an error, not a wish that is passed over.

`selection` misspelt in a body would otherwise mean all of quarantine.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from rest_framework import serializers
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.request import Request

from validation.spec import FieldSpec, ModelSpec

T = TypeVar("T")

MISSING = re.compile(r"Object missing required field `(\w+)`")


def body_of(request: Request, kind: type[T]) -> T:
    """Return the JSON body of a request as this kind of struct; raise ValidationError naming the attribute at fault."""
    return value_of(request.data, kind)


def raw_body_of(request: Request, kind: type[T]) -> T:
    """Return the body of a request that is parsed by RawJson, so that a part of it can be kept byte by byte.

    The kind must forbid unknown keys by itself. Raises ParseError or ValidationError.
    """
    received: Any = request.data  # without a body, DRF gives an empty dictionary
    data = received if isinstance(received, bytes) else b"{}"
    try:
        data.decode()  # a part that is kept as it is would not be looked at
        return msgspec.json.decode(data, type=kind)
    except msgspec.ValidationError as error:
        raise _fault(str(error)) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ParseError(f"The body is not JSON that can be read: {error}.") from error


def value_of(document: Any, kind: type[T], at: str = "") -> T:
    """Return a decoded JSON value as this kind of struct. `at` is where it stands in the body.

    Raises ValidationError for a value of the wrong type, an unknown key, and a text that PostgreSQL cannot keep.
    """
    try:
        value = msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise _fault(str(error), at) from error
    except RecursionError as error:
        raise ParseError("The body is nested too deeply.") from error
    for place, names in _unknown_keys(document, value, at):
        raise ValidationError({place: [f"There is no such attribute. There are: {', '.join(names)}."]}, "unknown")
    for place in _unkeepable(value, at):
        raise ValidationError({place: ["The null character cannot be kept."]}, "null_characters_not_allowed")
    return value


def spec_of(document: Any, at: str = "") -> ModelSpec:
    """Return a decoded JSON value as the specification of a model; raise ValidationError naming the attribute."""
    return value_of(document, ModelSpec, at)


def query_of(request: Request, kind: type[serializers.Serializer[Any]]) -> dict[str, Any]:
    """Return the parameters of an address, each of its type; raise ValidationError for what is wrong or unknown."""
    query = kind(data=request.query_params)
    for name in request.query_params:
        if name not in query.fields:
            there_are = f"There are: {', '.join(query.fields)}." if query.fields else "This address has none."
            raise ValidationError({name: [f"There is no such parameter. {there_are}"]}, "unknown")
    query.is_valid(raise_exception=True)
    values: dict[str, Any] = query.validated_data
    return values


def _fault(message: str, at: str = "") -> ValidationError:
    """Return the error for words of msgspec such as "Expected `int`, got `str` - at `$.fields[0].minimum`"."""
    words, _, place = message.partition(" - at `$")
    parts = [at, place.removesuffix("`").replace("[", ".").replace("]", "").lstrip(".")]
    missing = MISSING.fullmatch(words)
    if missing:
        parts, words = [*parts, missing[1]], "This attribute is required"
    where = ".".join(part for part in parts if part)
    allowed = CHOICES.get(where.rpartition(".")[2])
    if allowed and words.startswith("Invalid enum value"):
        words += f": it is one of {', '.join(allowed)}"
    return ValidationError({where: [f"{words}."]} if where else [f"{words}."], "required" if missing else "invalid")


def _unknown_keys(document: Any, value: Any, at: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Give the place of each key that a struct does not have, with the names that it has."""
    if isinstance(value, msgspec.Struct) and isinstance(document, Mapping):
        names = value.__struct_fields__
        for key, item in document.items():
            place = f"{at}.{key}" if at else str(key)
            if key not in names:
                yield place, names
            else:
                yield from _unknown_keys(item, getattr(value, key), place)
    elif isinstance(value, tuple | list) and isinstance(document, list):
        for position, (item, made) in enumerate(zip(document, value, strict=True)):
            yield from _unknown_keys(item, made, f"{at}.{position}" if at else str(position))


def _unkeepable(value: Any, at: str) -> Iterator[str]:
    """Give the place of each text with a null character; JSON that stays JSON is for whoever reads it to judge."""
    if isinstance(value, str):
        if "\0" in value:
            yield at
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _unkeepable(getattr(value, name), f"{at}.{name}" if at else name)
    elif isinstance(value, tuple | list):
        for position, item in enumerate(value):
            yield from _unkeepable(item, f"{at}.{position}" if at else str(position))


def _choices(*kinds: type[msgspec.Struct]) -> dict[str, tuple[str, ...]]:
    """Return the words that an attribute can have, by its name, where it can have only some."""
    hints = {name: hint for kind in kinds for name, hint in get_type_hints(kind).items()}
    return {name: get_args(hint) for name, hint in hints.items() if get_origin(hint) is Literal}


CHOICES = _choices(ModelSpec, FieldSpec)
