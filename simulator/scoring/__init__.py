"""`simulator score`: alerts held against the truth."""
