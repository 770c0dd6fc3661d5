"""Data that the simulator ships: the vehicle catalogue (its source stands in README.md beside it)."""
