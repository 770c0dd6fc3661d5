"""The way from the car to Kafka, with what goes wrong on it."""
