"""The cars' side of MQTT: how a fleet publishes what it has to say."""
