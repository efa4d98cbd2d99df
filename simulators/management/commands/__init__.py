"""Commands of the room `simulators`."""
