"""What the API asks of Kafka and writes to it, beside what the projector reads."""
