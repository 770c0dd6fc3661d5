"""Serving: the projector fills the store from Kafka and from published versions; the API answers from the store."""
