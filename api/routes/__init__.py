"""Routes: each parses, asks the store once, answers."""
