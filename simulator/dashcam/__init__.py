"""Dashcam snapshots: when a camera takes one, what it sees, and how the picture leaves the car."""
