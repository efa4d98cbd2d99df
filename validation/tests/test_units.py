"""Units: what UCUM takes, what it does not, and what people are told to write instead."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from validation.exchange.templates import templates
from validation.propose.quantities import QUANTITIES
from validation.samples import SENSOR, VEHICLE
from validation.units import COMMON, fault_of_unit

FINE = (
    "", "1", "m", "km", "km/h", "m/s2", "m/s", "Cel", "[degF]", "%", "deg", "V", "mV", "uV", "A.h", "kW.h", "W/m2",
    "ug/m3", "[ppm]", "hPa", "mm[Hg]", "[in_i'Hg]", "lx", "dB", "dB{mW}", "dB[SPL]", "/min", "{rev}/min", "10*3/ul",
    "10*-6", "kg.m.s-2", "m+2", "(m/s)/s", "l/min", "uS/cm", "[pH]", "By", "MiBy", "kbit/s", "'", "B[10.nV]", "1/min",
    "mol/l", "V.A", "100", "Ohm", "kOhm", "min", "h", "d", "wk", "{items}",
)  # fmt: skip
WRONG = (
    "kph", "°C", "cm/", "/", "()", "m//s", "(m", "m)", "kmin", "kdeg", "ccm ", "m s", "{", "m{a}{b}", "m2m", "[ppm",
    "xyz", "m\n", "é", "-1", "m-", "k", "Mm%", "\0", "[]",
)  # fmt: skip


@pytest.mark.parametrize("unit", FINE)
def test_a_unit_of_ucum_is_fine(unit: str) -> None:
    assert fault_of_unit(unit) is None


@pytest.mark.parametrize("unit", WRONG)
def test_what_is_no_unit_is_said_in_a_sentence(unit: str) -> None:
    fault = fault_of_unit(unit)
    assert fault is not None
    assert fault.startswith(repr(unit))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("°C", "Cel"), ("℃", "Cel"), ("°F", "[degF]"), ("kph", "km/h"), ("KM/H", "km/h"), ("mph", "[mi_i]/h"),
        ("ppm", "[ppm]"), ("kWh", "kW.h"), ("Wh", "W.h"), ("µg/m³", "ug/m3"), ("W/m²", "W/m2"), ("°", "deg"),
        ("dBm", "dB{mW}"), ("rpm", "/min"), ("lux", "lx"), ("Ω", "Ohm"), ("sec", "s"), ("Volts", "V"), ("m / s", "m/s"),
        ("N*m", "N.m"), ("psi", "[psi]"), ("μS/cm", "uS/cm"), ("m^2", "m2"), ("L/hour", "L/h"), ("HPA", "hPa"),
    ],
)  # fmt: skip
def test_a_common_mistake_is_answered_with_what_to_write(written: str, meant: str) -> None:
    fault = fault_of_unit(written)
    assert fault is not None
    assert fault.endswith(f"write {meant}.")


def test_units_that_the_project_itself_suggests_are_units() -> None:
    specs = [VEHICLE, SENSOR, *(template.spec for template in templates().values())]
    units = {field.unit for spec in specs for field in spec.fields} | set(COMMON.values())
    units |= {unit for quantity in QUANTITIES for unit in quantity.units()}
    assert [unit for unit in units if fault_of_unit(unit)] == []


@settings(max_examples=100)
@given(st.text(alphabet="mskgVAW./()[]{}0123456789+-^*%'{}° \n", max_size=40))
def test_any_text_has_an_answer(text: str) -> None:
    fault = fault_of_unit(text)
    assert fault is None or fault.endswith((".", ")."))


def test_a_hostile_unit_is_answered_at_once() -> None:
    started = time.perf_counter()
    for text in ("(" * 100_000, "m." * 50_000, "[" * 100_000, "{" * 100_000, "m" * 100_000):
        assert fault_of_unit(text)
    assert time.perf_counter() - started < 0.5
