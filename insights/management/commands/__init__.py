"""Commands of the room `insights`."""
