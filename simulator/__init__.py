"""The fleet: cars, roads and faults as a pure function of seed and time, sent to Kafka as real cars would."""
