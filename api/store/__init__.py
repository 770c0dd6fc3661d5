"""The store: its tables, how it is opened and migrated. The projector writes it, the routes read it."""
