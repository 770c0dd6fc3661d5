"""The projector: a process of its own, the store's only writer."""
