"""MQTT packets as bytes, as a broker sends them: for tests of what the bridge does with each byte."""

from __future__ import annotations


def variable_integer(value: int) -> bytes:
    """Return a number in MQTT's encoding of one to four bytes."""
    out = bytearray()
    while True:
        value, digit = divmod(value, 128)
        out.append(digit | 0x80 if value else digit)
        if not value:
            return bytes(out)


def packet(first: int, body: bytes = b"") -> bytes:
    """Return a packet from its first byte and its body."""
    return bytes([first]) + variable_integer(len(body)) + body


def publish(topic: bytes, payload: bytes, number: int = 0, properties: bytes = b"") -> bytes:
    """Return a PUBLISH packet of QoS 1 when it has a number, else of QoS 0."""
    body = len(topic).to_bytes(2, "big") + topic
    body += number.to_bytes(2, "big") if number else b""
    return packet(0x32 if number else 0x30, body + variable_integer(len(properties)) + properties + payload)


def connack(session_present: bool = False, reason: int = 0) -> bytes:
    """Return a CONNACK without properties."""
    return packet(0x20, bytes([session_present, reason, 0]))


def suback(number: int, *reasons: int) -> bytes:
    """Return a SUBACK without properties."""
    return packet(0x90, number.to_bytes(2, "big") + b"\x00" + bytes(reasons))


def user_property(key: bytes, value: bytes) -> bytes:
    """Return a property that any packet may have any number of."""
    return b"\x26" + len(key).to_bytes(2, "big") + key + len(value).to_bytes(2, "big") + value


PINGRESP = packet(0xD0)
SESSION_TAKEN_OVER = packet(0xE0, b"\x8e")
