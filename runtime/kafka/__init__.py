"""Reading Kafka: consumers that no record can stop, and what they pass over."""
