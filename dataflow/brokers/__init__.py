"""Settings of MQTT brokers that keep the promise: how large queues must be, as Mosquitto and EMQX want it written."""
