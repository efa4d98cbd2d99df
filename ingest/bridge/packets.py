"""Cut MQTT 5 PUBLISH packets out of received bytes: the bridge's inner loop.

Every line of `slice_publishes` runs once per message, so it is written for speed: one loop, local names, no objects but
the slices that are kept. Properties are skipped by their length, because nothing in them matters to a batch.
"""

from __future__ import annotations

from ingest.topics import PLATFORM_PREFIXES

PUBLISH = 0x30  # the packet's type, in the high half of its first byte
QOS_BITS, QOS_1 = 0x06, 0x02
PUBACK_HEAD = b"\x40\x02"  # type and length; the packet's number follows. Without a reason code it means success.
# A broker silently drops what is larger than a client accepts, so this is far above what a broker should let in.
MAX_PACKET_BYTES = 16 * 1024 * 1024


class MalformedPacket(Exception):
    """The received bytes are not MQTT 5 as a broker must send it; the connection has to be closed."""


def packet_size(data: bytes, start: int) -> int:
    """Return the size in bytes of the packet at `start`, or 0 when its length has not all arrived.

    Raises MalformedPacket when the length is encoded wrongly or above MAX_PACKET_BYTES.
    """
    try:
        length, body = _variable_integer(data, start + 1)
    except IndexError:
        return 0
    if length > MAX_PACKET_BYTES:
        raise MalformedPacket(f"a packet of {length} bytes, {MAX_PACKET_BYTES} at most are accepted")
    return body + length - start


def slice_publishes(
    data: bytes, start: int, limit: int, topics: list[bytes], payloads: list[bytes], numbers: list[bytes]
) -> tuple[int, int]:
    """Append at most `limit` PUBLISH packets that lie whole in `data` from `start` on.

    Stops before an incomplete packet and before one of another type. `topics` and `payloads` get an item per message of
    telemetry; `numbers` gets the two bytes of the packet's number for each message of QoS 1, those on platform topics
    included, in the order received. Returns where it stopped, and how many platform messages were passed over.
    Raises MalformedPacket; what came before the malformed packet is in the lists then.
    """
    end, platform = len(data), 0
    for _ in range(limit):
        if end - start < 2 or data[start] & 0xF0 != PUBLISH:
            break
        length, at = data[start + 1], start + 2
        if length > 127:
            two = at < end and data[at] < 128
            length, at = (length & 127 | data[at] << 7, at + 1) if two else _long_length(data, start + 1)
        stop = at + length
        if stop > end:
            break
        try:
            cut = at + 2 + (data[at] << 8 | data[at + 1])
            topic = data[at + 2 : cut]
            if qos := data[start] & QOS_BITS:
                number, cut = data[cut : cut + 2], cut + 2
            cut += 1 + data[cut] if data[cut] < 128 else _properties_size(data, cut)
        except IndexError:
            cut = end + 1
        if cut > stop or not topic or qos > QOS_1:
            raise MalformedPacket(f"a malformed PUBLISH packet, or not QoS 0 or 1: {data[start:stop][:80]!r}")
        if qos:
            numbers.append(number)
        if topic.startswith(PLATFORM_PREFIXES):
            platform += 1
        else:
            topics.append(topic)
            payloads.append(data[cut:stop])
        start = stop
    return start, platform


def acknowledgements(numbers: list[bytes]) -> bytes:
    """Return a PUBACK packet for each packet number, one after the other; `numbers` has at least one item."""
    return PUBACK_HEAD + PUBACK_HEAD.join(numbers)


def _variable_integer(data: bytes, at: int) -> tuple[int, int]:
    """Return a number in MQTT's encoding of one to four bytes and where it ends; raise IndexError past the end."""
    value = 0
    for shift in (0, 7, 14, 21):
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise MalformedPacket("a length has more than four bytes")


def _long_length(data: bytes, at: int) -> tuple[int, int]:
    """Return a length of more than two bytes and where it ends; one that has not all arrived is past all data."""
    try:
        return _variable_integer(data, at)
    except IndexError:
        return len(data), len(data)


def _properties_size(data: bytes, at: int) -> int:
    """Return the size of properties of more than 127 bytes, their own length included."""
    length, body = _variable_integer(data, at)
    return body + length - at
