"""What each tool takes. Every text is bounded, every number has limits, and an unknown key is an error. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

MOST_ROWS = 100  # of one answer
MOST_POINTS = 200  # of a series; who needs more draws a chart
Name = Annotated[str, Meta(min_length=1, max_length=64)]
Length = Annotated[str, Meta(max_length=16, description="A length of time: 90s, 30m, 3h, 7d, 2w.")]
Field = Annotated[str, Meta(max_length=128, description="`model.field`, as in `vehicle.speed`.")]
Device = Annotated[str, Meta(min_length=1, max_length=64, description="Name of a device.")]
Model = Annotated[str, Meta(min_length=1, max_length=48, description="Name of a data model.")]
Tag = Annotated[str, Meta(min_length=1, max_length=64, description="Only devices with this tag.")]


class Arguments(Struct, forbid_unknown_fields=True, kw_only=True, frozen=True):
    """What all tools share: that nothing unknown is passed over."""


class Nothing(Arguments, frozen=True):
    """No arguments."""


class Devices(Arguments, frozen=True):
    """Which devices to list."""

    contains: Annotated[str, Meta(max_length=64, description="Part of a device's name.")] = ""
    model: Model | None = None
    tag: Tag | None = None
    limit: Annotated[int, Meta(ge=1, le=MOST_ROWS)] = 50


class Latest(Arguments, frozen=True):
    """Whose newest reading."""

    device: Device
    model: Model | None = None


class Series(Arguments, frozen=True):
    """Which field, of whom, how far back."""

    field: Field
    devices: Annotated[tuple[Device, ...], Meta(max_length=10, description="None: all devices.")] = ()
    window: Length = "1h"
    bucket: Annotated[str, Meta(max_length=16, description="auto, raw, or a length of time: 5m, 1h, 1d.")] = "auto"
    function: Literal["avg", "min", "max", "sum", "count"] = "avg"
    by: Annotated[Literal["device", "tag", "all"], Meta(description="One series each, or all devices together.")] = (
        "device"
    )
    points: Annotated[int, Meta(ge=10, le=MOST_POINTS)] = 50


class Summary(Arguments, frozen=True):
    """About what, how far back."""

    window: Length = "24h"
    model: Model | None = None
    device: Device | None = None
    tag: Tag | None = None


class Findings(Arguments, frozen=True):
    """Of what, how far back."""

    model: Model
    window: Length = "24h"
    device: Device | None = None
    tag: Tag | None = None


class Ask(Arguments, frozen=True):
    """A question."""

    question: Annotated[str, Meta(min_length=1, max_length=500, description="In plain English.")]


class Forecast(Arguments, frozen=True):
    """Of what, how far ahead."""

    field: Field
    device: Device
    horizon: Length = "3h"
    limit: Annotated[float | None, Meta(description="Also say when this value is reached.")] = None
    side: Annotated[Literal["below", "above"] | None, Meta(description="Of the limit.")] = None


class Correlation(Arguments, frozen=True):
    """Of what with what, how far back."""

    first: Field
    second: Field
    first_device: Device | None = None
    second_device: Device | None = None
    window: Length = "24h"
    max_lag: Length | None = None
