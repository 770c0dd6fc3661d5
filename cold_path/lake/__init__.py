"""The lake: one Delta table that holds every record once, good or rejected, and is its own ledger."""
