"""The way into Kafka for cars that speak MQTT: a program of its own, acknowledging only what Kafka has."""
