"""The proof that the merged answer is right: the store against an independent fold over the raw records of Kafka."""
