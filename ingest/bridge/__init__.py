"""The MQTT bridge: from the broker into the ring of buffers. `loop` composes it; `run_bridge` runs it."""
