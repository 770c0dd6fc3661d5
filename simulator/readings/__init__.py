"""Readings as columns and as bytes."""
