"""Messages of families of devices, written from the public documentation that `source` names."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from validation.propose import Message

NOW = 1_760_000_000.0  # 2025-10-09T08:53:20Z, when the last message is received
EVERY_S = 60.0
COUNT = 20  # messages of each device


@dataclass(frozen=True)
class Sent:
    """What a family sends: its documentation, its topics, and the payload number n of device number d at a time."""

    name: str
    source: str
    topics: tuple[str, ...]
    payload: Callable[[int, int, float], dict[str, Any]]

    def messages(self) -> list[Message]:
        """Return COUNT messages of each device, newest first."""
        return list(self._messages())

    def _messages(self) -> Iterator[Message]:
        for number in range(COUNT - 1, -1, -1):
            for device, topic in enumerate(self.topics):
                at = NOW - (COUNT - 1 - number) * EVERY_S
                yield Message(topic, orjson.dumps(self.payload(device, number, at)), at + 0.2)


def _iso(at: float, ending: str = "Z") -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S") + ending


def _vehicle(device: int, number: int, at: float) -> dict[str, Any]:
    return {
        "Vehicle": {
            "Speed": 48.5 + number,
            "TraveledDistance": 12_345.6 + number,
            "IsMoving": number % 2 == 0,
            "CurrentLocation": {
                "Timestamp": _iso(at),
                "Latitude": 52.1 + number / 1000,
                "Longitude": 11.6 - number / 1000,
                "Heading": 12.5 * number,
                "Altitude": 61 + number,
            },
            "Powertrain": {
                "CombustionEngine": {"Speed": 1_800 + 10 * number},
                "FuelSystem": {"RelativeLevel": 71 - device},
                "Transmission": {"CurrentGear": number % 6 - 1},
            },
        }
    }


VEHICLE = Sent(
    "vehicle",
    "https://covesa.github.io/vehicle_signal_specification/",
    ("fleet/van-01/vss", "fleet/van-02/vss"),
    _vehicle,
)


def _weather(device: int, number: int, at: float) -> dict[str, Any]:
    return {
        "time": _iso(at),
        "model": "Fineoffset-WH24",
        "id": 140 + device,
        "battery_ok": 1,
        "temperature_C": 10.6 + number / 10,
        "humidity": 60 + number,
        "wind_dir_deg": (126 + 10 * number) % 360,
        "wind_avg_m_s": 2.8 + number / 10,
        "wind_max_m_s": 4.1 + number / 10,
        "rain_mm": 302.4 + number,
        "pressure_hPa": 1_003.2 - number,
        "uvi": number % 5,
        "light_lux": 3_200.0 + 150 * number,
        "mic": "CRC",
    }


WEATHER = Sent(
    "weather station",
    "https://github.com/merbanan/rtl_433/blob/master/docs/DATA_FORMAT.md",
    ("rtl_433/Fineoffset-WH24/140", "rtl_433/Fineoffset-WH24/141"),
    _weather,
)


def _meter(device: int, number: int, at: float) -> dict[str, Any]:
    return {
        "wifi_ssid": "workshop",
        "wifi_strength": 80 + number % 5,
        "smr_version": 50,
        "meter_model": "KAMSTRUP 6841121BN243101040",
        "unique_id": f"4530303433303036393938313736353{device}",
        "active_tariff": 1 + number % 2,
        "total_power_import_kwh": 13_779.338 + number,
        "total_power_export_kwh": 123.4 + number,
        "active_power_w": -543 + 100 * number,
        "active_voltage_l1_v": 230.1 + number / 10,
        "active_current_l1_a": -4 + number,
        "active_frequency_hz": 50.01,
        "external": [{"unique_id": "4730", "type": "gas_meter", "value": 2_569.646, "unit": "m3"}],
    }


METER = Sent(
    "energy meter",
    "https://api-documentation.homewizard.com/docs/v1/measurement",
    ("meters/p1-3c39e7aabbc0/data", "meters/p1-3c39e7aabbc1/data"),
    _meter,
)


def _tasmota_sensor(device: int, number: int, at: float) -> dict[str, Any]:
    return {
        "Time": _iso(at, ""),
        "AM2301": {"Temperature": 21.4 + number / 10, "Humidity": 48.0 + number, "DewPoint": 10.1},
        "ENERGY": {
            "TotalStartTime": "2024-03-01T07:12:13",
            "Total": 3.185 + number / 100,
            "Yesterday": 1.204,
            "Today": 0.3 + number / 100,
            "Period": number % 3,
            "Power": 12 + number,
            "ApparentPower": 19 + number,
            "ReactivePower": 14,
            "Factor": 0.65,
            "Voltage": 229 + device,
            "Current": 0.083,
        },
        "TempUnit": "C",
    }


TASMOTA_SENSOR = Sent(
    "Tasmota sensor",
    "https://tasmota.github.io/docs/JSON-Status-Responses/",
    ("tele/plug_kitchen/SENSOR", "tele/plug_hall/SENSOR"),
    _tasmota_sensor,
)


def _tasmota_state(device: int, number: int, at: float) -> dict[str, Any]:
    return {
        "Time": _iso(at, ""),
        "Uptime": f"1T02:{number:02}:26",
        "UptimeSec": 95_606 + 60 * number,
        "Heap": 27,
        "SleepMode": "Dynamic",
        "Sleep": 50,
        "LoadAvg": 19,
        "MqttCount": 1,
        "POWER": "ON",
        "Wifi": {
            "AP": 1,
            "SSId": "workshop",
            "BSSId": "F4:92:BF:00:11:22",
            "Channel": 3,
            "Mode": "11n",
            "RSSI": 70 + number % 9,
            "Signal": -65 + number % 9,
            "LinkCount": 1,
            "Downtime": "0T00:00:05",
        },
    }


TASMOTA_STATE = Sent(
    "Tasmota state",
    "https://tasmota.github.io/docs/JSON-Status-Responses/",
    ("tele/plug_kitchen/STATE", "tele/plug_hall/STATE"),
    _tasmota_state,
)


def _zigbee(device: int, number: int, at: float) -> dict[str, Any]:
    common = {"last_seen": _iso(at), "linkquality": 90 + number}
    if device == 0:
        climate = {"temperature": 27.34 + number / 100, "humidity": 44.72, "pressure": 1_000.6 - number}
        return {**common, **climate, "battery": 86, "voltage": 2_995 - number}
    if device == 1:
        return {**common, "occupancy": number % 2 == 0, "illuminance": 49 + number, "battery": 100, "voltage": 3_045}
    update = {"installed_version": 587_765_297, "latest_version": 587_765_297, "state": "idle"}
    return {**common, "state": "ON", "brightness": 215, "color_mode": "color_temp", "color_temp": 325, "update": update}


ZIGBEE = Sent(
    "Zigbee2MQTT",
    "https://www.zigbee2mqtt.io/guide/usage/mqtt_topics_and_messages.html",
    ("zigbee2mqtt/climate_attic", "zigbee2mqtt/0x00158d00036c1821", "zigbee2mqtt/lamp_desk"),
    _zigbee,
)


def _shelly_status(device: int, number: int, at: float) -> dict[str, Any]:
    return {
        "id": 0,
        "source": "init" if number < 10 else "timer",
        "output": number % 2 == 0,
        "apower": 8.9 + number,
        "voltage": 237.5,
        "current": 0.037,
        "freq": 50.0,
        "aenergy": {"total": 14.093 + number, "by_minute": [0.0, 0.1, 0.0], "minute_ts": int(at) // 60 * 60},
        "temperature": {"tC": 52.9 + number / 10, "tF": 127.2 + number / 6},
    }


SHELLY_STATUS = Sent(
    "Shelly status",
    "https://shelly-api-docs.shelly.cloud/gen2/ComponentsAndServices/Switch",
    ("shellyplus1pm-a8032ab12345/status/switch:0", "shellyplus1pm-a8032ab67890/status/switch:0"),
    _shelly_status,
)


def _shelly_notification(device: int, number: int, at: float) -> dict[str, Any]:
    who = ("shellyplus1pm-a8032ab12345", "shellyplus1pm-a8032ab67890")[device]
    if number % 2:
        changed: dict[str, Any] = {"switch:0": {"id": 0, "apower": 8.9 + number, "voltage": 237.5}}
    else:
        total = {"total": 14.093 + number, "by_minute": [0.0, 0.1], "minute_ts": int(at) // 60 * 60}
        changed = {"switch:0": {"id": 0, "aenergy": total}}
    return {"src": who, "dst": f"{who}/events", "method": "NotifyStatus", "params": {"ts": round(at, 2), **changed}}


SHELLY_NOTIFICATION = Sent(
    "Shelly notification",
    "https://shelly-api-docs.shelly.cloud/gen2/General/Notifications",
    ("shellyplus1pm-a8032ab12345/events/rpc", "shellyplus1pm-a8032ab67890/events/rpc"),
    _shelly_notification,
)


def _owntracks(device: int, number: int, at: float) -> dict[str, Any]:
    location: dict[str, Any] = {
        "_type": "location",
        "acc": 13 + number % 4,
        "alt": 114,
        "batt": 91 - number,
        "bs": 1,
        "conn": "w" if number % 2 else "m",
        "created_at": int(at) + 1,
        "lat": 52.1 + number / 1000,
        "lon": 11.6 + number / 1000,
        "m": 1,
        "tid": "jd",
        "tst": int(at),
        "vac": 3,
        "vel": 4 * (number % 3),
    }
    return location | ({"cog": 90 + number, "t": "t"} if device else {"p": 101.1, "t": "u"})


OWNTRACKS = Sent(
    "OwnTracks",
    "https://owntracks.org/booklet/tech/json",
    ("owntracks/jane/phone", "owntracks/joe/tablet"),
    _owntracks,
)


def _chirpstack(device: int, number: int, at: float) -> dict[str, Any]:
    return {
        "deduplicationId": f"57433366-50a6-4dc2-8145-{device}{number:011}",
        "time": _iso(at, ".775023242+00:00"),
        "deviceInfo": {
            "tenantId": "52f14cd4-c6f1-4fbd-8f87-4025e1d49242",
            "tenantName": "Farm",
            "applicationId": "17c82e96-be03-4f38-aef3-f83d48582d97",
            "applicationName": "Soil",
            "deviceProfileId": "14855bf7-d10d-4aee-b618-ebfcb64dc7ad",
            "deviceProfileName": "Soil probe",
            "deviceName": f"Probe {device + 1}",
            "devEui": ("a84041000181c061", "a84041000181c062")[device],
            "tags": {"field": "north"},
        },
        "devAddr": "00189440",
        "adr": True,
        "dr": 5,
        "fCnt": 100 * (device + 1) + number,
        "fPort": 2,
        "data": "qgE=",
        "object": {"temperature": 14.2 + number / 10, "soil_moisture": 31.5, "battery_voltage": 3.31},
        "rxInfo": [{"gatewayId": "0016c001f153a14c", "rssi": -48, "snr": 9}],
        "txInfo": {
            "frequency": 868_100_000,
            "modulation": {"lora": {"bandwidth": 125_000, "spreadingFactor": 7, "codeRate": "CR_4_5"}},
        },
    }


CHIRPSTACK = Sent(
    "ChirpStack",
    "https://www.chirpstack.io/docs/chirpstack/integrations/events.html",
    tuple(
        f"application/17c82e96-be03-4f38-aef3-f83d48582d97/device/{eui}/event/up"
        for eui in ("a84041000181c061", "a84041000181c062")
    ),
    _chirpstack,
)

ALL = (
    VEHICLE, WEATHER, METER, TASMOTA_SENSOR, TASMOTA_STATE, ZIGBEE, SHELLY_STATUS, SHELLY_NOTIFICATION, OWNTRACKS,
    CHIRPSTACK,
)  # fmt: skip
