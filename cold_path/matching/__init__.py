"""Map matching: which segments a car drove, when it crossed each border, and what it burnt between; NumPy, no Spark."""
