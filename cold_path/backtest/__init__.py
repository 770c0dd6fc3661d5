"""A rule file tried on history: what it would have raised, against the truth where that is known."""
