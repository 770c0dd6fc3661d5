"""What the cold path reads from Kafka: bounds and records of topics, the offsets to ingest, the vehicle registry."""
