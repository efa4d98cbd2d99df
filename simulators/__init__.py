"""The room `simulators`: the outside world. Devices that share no code with the server."""
