"""What is to be simulated, and the devices that follow from it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from simulators.broker import Broker
from simulators.device import Device
from simulators.faults import Fault, FaultySource
from simulators.live import LiveSource
from simulators.outbox import LIMIT, Outbox
from simulators.profiles import DEVICE_NAME, KINDS, SENSOR, Kind, Profile, kind_of_field
from simulators.replay import Point, ReplaySource, read_series
from simulators.sensor import Sensor
from simulators.session import Surroundings
from simulators.source import Source
from simulators.vehicle import Vehicle

REPLAY = "replay"
FAULT_AFTER_S = 120.0
PROFILES = (*KINDS, REPLAY)


class PlanError(ValueError):
    """The wishes contradict each other or leave something out; the message says what."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A series to play back."""

    points: list[Point]
    field: str
    speedup: float | None
    shift: float  # seconds added to every time


@dataclass(frozen=True, slots=True)
class Plan:
    """What to simulate. Rates are readings per second and device, durations seconds."""

    broker: Broker
    outbox_dir: Path
    kind: Kind
    names: list[str]
    rate: float = 1.0
    duration: float | None = None
    limit: int = LIMIT
    recording: Recording | None = None
    fault: Fault | None = None


@dataclass(frozen=True, slots=True)
class Wishes:
    """What the command line says."""

    profile: str = "vehicle"
    devices: int | None = None
    only: str | None = None
    rate: float | None = None
    duration: float | None = None
    outbox: int = LIMIT
    file: Path | None = None
    field: str | None = None
    speedup: float | None = None
    shift: bool = False
    fault: str | None = None
    fault_after: float | None = None
    fault_device: str | None = None


def make_plan(wishes: Wishes, broker: Broker, outbox_dir: Path) -> Plan:
    """Turn wishes into a plan. Reads the recording. Raises PlanError or SeriesError."""
    if wishes.only is not None and not DEVICE_NAME.fullmatch(wishes.only):
        raise PlanError("a device's name is 1 to 64 letters, digits, _ and -")
    if wishes.only is not None and wishes.devices is not None:
        raise PlanError("--only names one device, --devices a number of them: use one of the two")
    if wishes.profile == REPLAY:
        return replay_plan(wishes, broker, outbox_dir)
    for name in ("file", "field", "speedup", "shift"):
        if getattr(wishes, name):
            raise PlanError(f"--{name} belongs to --profile replay")
    kind = KINDS[wishes.profile]
    names = [wishes.only] if wishes.only else kind.device_names(10 if wishes.devices is None else wishes.devices)
    rate = 1.0 if wishes.rate is None else wishes.rate
    fault = fault_of(wishes, names)
    return Plan(broker, outbox_dir, kind, names, rate, wishes.duration, wishes.outbox, fault=fault)


def fault_of(wishes: Wishes, names: list[str]) -> Fault | None:
    """Return what goes wrong with which device, the first unless another is named. Raises PlanError."""
    if wishes.fault is None:
        if wishes.fault_after is not None or wishes.fault_device is not None:
            raise PlanError("--fault-after and --fault-device belong to --fault")
        return None
    device = wishes.fault_device or names[0]
    if device not in names:
        raise PlanError(f"--fault-device names {device!r}, which is none of the devices of this run")
    return Fault(wishes.fault, FAULT_AFTER_S if wishes.fault_after is None else wishes.fault_after, device)


def replay_plan(wishes: Wishes, broker: Broker, outbox_dir: Path) -> Plan:
    """Turn the wish for a replay into a plan. Raises PlanError or SeriesError."""
    if wishes.file is None or wishes.field is None or wishes.only is None:
        raise PlanError("--profile replay needs --file, --field and --only")
    if wishes.fault is not None:
        raise PlanError("--fault does not belong to --profile replay, whose readings are those of the file")
    if wishes.rate is not None:
        raise PlanError("a replay has its recorded times: use --speedup instead of --rate")
    kind = kind_of_field(wishes.field)
    if kind is None:
        known = ", ".join(field for each in KINDS.values() for field in each.fields)
        raise PlanError(f"no device has a field {wishes.field!r}; there are {known}")
    points = read_series(wishes.file)
    shift = time.time() - points[-1].at if wishes.shift else 0.0
    recording = Recording(points, wishes.field, wishes.speedup, shift)
    return Plan(
        broker, outbox_dir, kind, [wishes.only], duration=wishes.duration, limit=wishes.outbox, recording=recording
    )


def open_devices(plan: Plan, surroundings: Surroundings) -> Iterator[Device]:
    """Open the outboxes and make the devices. Raises OutboxError."""
    for index, name in enumerate(plan.names):
        outbox = Outbox(plan.outbox_dir / f"{name}.sqlite3", plan.limit)
        topic = plan.kind.topic.format(device=name)
        yield Device(name, topic, source_of(plan, index, name, outbox), outbox, surroundings)


def source_of(plan: Plan, index: int, name: str, outbox: Outbox) -> Source:
    """Make the source of one device. Live ones take turns within the interval, so that the load is even."""
    if plan.recording is not None:
        recording = plan.recording
        return ReplaySource(
            recording.points, plan.kind, name, recording.field,
            speedup=recording.speedup, shift=recording.shift, until=plan.duration,
        )  # fmt: skip
    interval = 1.0 / plan.rate
    phase = interval * index / len(plan.names)
    live = LiveSource(profile_of(plan.kind, name, outbox.state), interval, phase, plan.duration, outbox.seq)
    is_faulty = plan.fault is not None and plan.fault.device == name
    return FaultySource(live, plan.kind, plan.fault) if is_faulty and plan.fault else live


def profile_of(kind: Kind, name: str, state: str | None) -> Profile:
    """Make what the device measures, going on from a remembered state if there is one."""
    return (Sensor if kind is SENSOR else Vehicle)(name, time.time(), state)
