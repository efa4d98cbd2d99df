"""Let data in, lose nothing, judge nothing: devices, the MQTT bridge, other doors, the ring of buffers."""
