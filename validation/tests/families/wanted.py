"""What a person who knows the devices wants of a proposal: written from the documentation, not from what comes out.

Fields by path: kind and unit. What is not named is not wanted, or not cared about when it is in NOT_CARED_ABOUT.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from validation.tests.families import sent
from validation.tests.families.sent import Sent

Wanted = dict[str, tuple[str, str]]


@dataclass(frozen=True)
class Expectation:
    """The proposal that a person hopes for, and how many of its fields are still to be changed by hand."""

    sent: Sent
    topic_filter: str
    device: tuple[str, int | str]
    time: tuple[str, str, str]
    fields: Wanted
    sequence: str = ""
    to_change: tuple[str, ...] = ()
    not_cared_about: tuple[str, ...] = field(default=())


EXPECTATIONS = (
    Expectation(
        sent.VEHICLE,
        "fleet/+/vss",
        ("topic", 1),
        ("payload", "Vehicle.CurrentLocation.Timestamp", "s"),
        {
            "Vehicle.Speed": ("number", "km/h"),
            "Vehicle.TraveledDistance": ("number", "km"),
            "Vehicle.IsMoving": ("boolean", ""),
            "Vehicle.CurrentLocation.Latitude,Vehicle.CurrentLocation.Longitude": ("point", ""),
            "Vehicle.CurrentLocation.Heading": ("number", "deg"),
            "Vehicle.CurrentLocation.Altitude": ("number", "m"),
            "Vehicle.Powertrain.CombustionEngine.Speed": ("number", "/min"),
            "Vehicle.Powertrain.FuelSystem.RelativeLevel": ("number", "%"),
            "Vehicle.Powertrain.Transmission.CurrentGear": ("integer", ""),
        },
    ),
    Expectation(
        sent.WEATHER,
        "rtl_433/Fineoffset-WH24/+",
        ("topic", 1),
        ("payload", "time", "s"),
        {
            "battery_ok": ("number", "1"),
            "temperature_C": ("number", "Cel"),
            "humidity": ("number", "%"),
            "wind_dir_deg": ("number", "deg"),
            "wind_avg_m_s": ("number", "m/s"),
            "wind_max_m_s": ("number", "m/s"),
            "rain_mm": ("number", "mm"),
            "pressure_hPa": ("number", "hPa"),
            "uvi": ("number", "1"),
            "light_lux": ("number", "lx"),
        },
        not_cared_about=("model", "id"),
    ),
    Expectation(
        sent.METER,
        "meters/+/data",
        ("topic", 1),
        ("receipt", "timestamp", "s"),
        {
            "wifi_strength": ("integer", "%"),
            "active_tariff": ("integer", ""),
            "total_power_import_kwh": ("number", "kW.h"),
            "total_power_export_kwh": ("number", "kW.h"),
            "active_power_w": ("number", "W"),
            "active_voltage_l1_v": ("number", "V"),
            "active_current_l1_a": ("number", "A"),
            "active_frequency_hz": ("number", "Hz"),
        },
        not_cared_about=("wifi_ssid", "smr_version", "meter_model", "unique_id"),
    ),
    Expectation(
        sent.TASMOTA_SENSOR,
        "tele/+/SENSOR",
        ("topic", 1),
        ("payload", "Time", "s"),
        {
            "AM2301.Temperature": ("number", "Cel"),
            "AM2301.Humidity": ("number", "%"),
            "AM2301.DewPoint": ("number", "Cel"),
            "ENERGY.TotalStartTime": ("timestamp", ""),
            "ENERGY.Total": ("number", "kW.h"),
            "ENERGY.Yesterday": ("number", "kW.h"),
            "ENERGY.Today": ("number", "kW.h"),
            "ENERGY.Period": ("number", "W.h"),
            "ENERGY.Power": ("number", "W"),
            "ENERGY.ApparentPower": ("number", "V.A"),
            "ENERGY.ReactivePower": ("number", "V.A"),
            "ENERGY.Factor": ("number", "1"),
            "ENERGY.Voltage": ("number", "V"),
            "ENERGY.Current": ("number", "A"),
        },
    ),
    Expectation(
        sent.TASMOTA_STATE,
        "tele/+/STATE",
        ("topic", 1),
        ("payload", "Time", "s"),
        {
            "UptimeSec": ("integer", "s"),
            "Heap": ("integer", "KiBy"),
            "Sleep": ("integer", "ms"),
            "LoadAvg": ("integer", ""),
            "MqttCount": ("integer", ""),
            "POWER": ("choice", ""),
            "Wifi.AP": ("integer", ""),
            "Wifi.Channel": ("integer", ""),
            "Wifi.RSSI": ("integer", "%"),
            "Wifi.Signal": ("integer", "dB{mW}"),
            "Wifi.LinkCount": ("integer", ""),
        },
        not_cared_about=("SleepMode", "Wifi.SSId", "Wifi.BSSId", "Wifi.Mode"),
    ),
    Expectation(
        sent.ZIGBEE,
        "zigbee2mqtt/+",
        ("topic", 1),
        ("payload", "last_seen", "s"),
        {
            "linkquality": ("integer", ""),
            "temperature": ("number", "Cel"),
            "humidity": ("number", "%"),
            "pressure": ("number", "hPa"),
            "battery": ("number", "%"),
            "voltage": ("number", "mV"),
            "occupancy": ("boolean", ""),
            "illuminance": ("number", "lx"),
            "state": ("choice", ""),
            "brightness": ("integer", ""),
            "color_temp": ("integer", "{mired}"),
        },
        not_cared_about=("color_mode",),
    ),
    Expectation(
        sent.SHELLY_STATUS,
        "+/status/switch:0",
        ("topic", 1),
        ("receipt", "timestamp", "s"),
        {
            "output": ("boolean", ""),
            "apower": ("number", "W"),
            "voltage": ("number", "V"),
            "current": ("number", "A"),
            "freq": ("number", "Hz"),
            "aenergy.total": ("number", "W.h"),
            "temperature.tC": ("number", "Cel"),
        },
        not_cared_about=("source",),
    ),
    Expectation(
        sent.SHELLY_NOTIFICATION,
        "+/events/rpc",
        ("topic", 1),
        ("payload", "params.ts", "s"),
        {
            "params.switch:0.apower": ("number", "W"),
            "params.switch:0.voltage": ("number", "V"),
            "params.switch:0.aenergy.total": ("number", "W.h"),
        },
        not_cared_about=("method",),
    ),
    Expectation(
        sent.OWNTRACKS,
        "owntracks/+/+",
        ("topic", 2),
        ("payload", "tst", "s"),
        {
            "lat,lon": ("point", ""),
            "acc": ("number", "m"),
            "alt": ("number", "m"),
            "batt": ("number", "%"),
            "bs": ("integer", ""),
            "conn": ("choice", ""),
            "vac": ("number", "m"),
            "vel": ("number", "km/h"),
            "cog": ("number", "deg"),
            "p": ("number", "kPa"),
            "t": ("choice", ""),
        },
        to_change=("t",),
        not_cared_about=("created_at", "tid", "m"),
    ),
    Expectation(
        sent.CHIRPSTACK,
        "application/+/device/+/event/up",
        ("topic", 2),
        ("payload", "time", "s"),
        {
            "object.temperature": ("number", "Cel"),
            "object.soil_moisture": ("number", "%"),
            "object.battery_voltage": ("number", "V"),
            "dr": ("integer", ""),
            "fPort": ("integer", ""),
            "deviceInfo.deviceName": ("text", ""),
            "txInfo.frequency": ("integer", "Hz"),
            "txInfo.modulation.lora.spreadingFactor": ("integer", ""),
        },
        sequence="fCnt",
    ),
)
