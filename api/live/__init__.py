"""Alerts as they come, to everyone who listens: one reader of the store, any number of clients."""
