"""Tasmota: what its devices tell every TelePeriod. Both documents have the local time of the device, without a zone."""

from __future__ import annotations

from validation.propose.families.family import SKIP, Family, Hint

LOCAL_TIME = (
    "Tasmota writes its local time without a zone, which is read as UTC: set `Timezone 0` on the devices, or take the "
    "moment of receipt."
)
SENSOR = Family(
    name="Tasmota sensor",
    model="tasmota_sensor",
    source="https://tasmota.github.io/docs/JSON-Status-Responses/",
    topics=("tele/+/SENSOR", "+/tele/SENSOR"),
    needs_topic=True,
    signs=("Time",),
    device_level=1,
    time_path="Time",
    hints=(
        ("*TempUnit", SKIP),
        ("*PressureUnit", SKIP),
        ("*SpeedUnit", SKIP),
        ("*.Id", SKIP),
        ("ENERGY.TotalStartTime", Hint(name="energy_since", description="When the total was set to zero.")),
        ("ENERGY.Total", Hint(name="energy_total", unit="kW.h", minimum=0)),
        ("ENERGY.Yesterday", Hint(name="energy_yesterday", unit="kW.h", minimum=0)),
        ("ENERGY.Today", Hint(name="energy_today", unit="kW.h", minimum=0)),
        ("ENERGY.Period", Hint(name="energy_period", unit="W.h", minimum=0)),
        ("ENERGY.Power", Hint(name="power", unit="W")),
        ("ENERGY.ApparentPower", Hint(name="apparent_power", unit="V.A", minimum=0)),
        ("ENERGY.ReactivePower", Hint(name="reactive_power", unit="V.A")),
        ("ENERGY.Factor", Hint(name="power_factor", unit="1", minimum=-1, maximum=1)),
        ("ENERGY.Voltage", Hint(name="voltage", unit="V", minimum=0)),
        ("ENERGY.Current", Hint(name="current", unit="A", minimum=0)),
        ("ENERGY.Frequency", Hint(name="frequency", unit="Hz", minimum=0)),
        ("Switch*", Hint(choices=("ON", "OFF"))),
    ),
    notes=(LOCAL_TIME,),
)
STATE = Family(
    name="Tasmota state",
    model="tasmota_state",
    source="https://tasmota.github.io/docs/JSON-Status-Responses/",
    topics=("tele/+/STATE", "+/tele/STATE"),
    needs_topic=True,
    signs=("Time", "Uptime"),
    device_level=1,
    time_path="Time",
    hints=(
        ("Uptime", SKIP),
        ("*Downtime", SKIP),
        ("UptimeSec", Hint(name="uptime", kind="integer", unit="s", minimum=0)),
        ("Heap", Hint(kind="integer", unit="KiBy", minimum=0, description="Free memory.")),
        ("SleepMode", Hint(kind="text")),
        ("Sleep", Hint(kind="integer", unit="ms", minimum=0)),
        ("LoadAvg", Hint(kind="integer", unit="", minimum=0)),
        ("*RSSI", Hint(name="wifi_quality", kind="integer", unit="%", minimum=0, maximum=100)),
        ("*Signal", Hint(name="wifi_signal", kind="integer", unit="dB{mW}")),
        ("Wifi.AP", Hint(kind="integer", unit="")),
        ("POWER*", Hint(choices=("ON", "OFF"))),
        ("*Dimmer", Hint(kind="integer", unit="%", minimum=0, maximum=100)),
        ("*Vcc", Hint(unit="V", minimum=0)),
    ),
    notes=(LOCAL_TIME,),
)
